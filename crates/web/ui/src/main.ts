import { mount } from 'svelte'
import App from './App.svelte'
import './app.css'
import { theme } from './shell/theme.svelte.ts'
import { lang } from './texts/language.svelte.ts'

theme.start()
await lang.start()
const target = document.getElementById('app')
if (target) mount(App, { target })
