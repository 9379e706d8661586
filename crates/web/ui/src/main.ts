import { mount } from 'svelte'
import App from './App.svelte'
import './app.css'
import { lang } from './texts/language.svelte.ts'

await lang.start()
const target = document.getElementById('app')
if (target) mount(App, { target })
