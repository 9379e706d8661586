/** What the browser does with passkeys. The private keys stay with it, or with the device that it asks. */

/** Browsers have them under a name only (not under a bare address), and over TLS or on this machine. */
export function passkeysWork(): boolean {
  const isAddress = /^[\d.]+$|^\[/.test(location.hostname)
  return isSecureContext && !isAddress && 'PublicKeyCredential' in window && 'parseCreationOptionsFromJSON' in PublicKeyCredential
}

/** Has one made; nothing if the person changed their mind. */
export function make(options: object): Promise<Record<string, never> | undefined> {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options as PublicKeyCredentialCreationOptionsJSON)
  return answer(navigator.credentials.create({ publicKey }))
}

/** Has one sign a challenge; nothing if the person changed their mind. */
export function use(options: object): Promise<Record<string, never> | undefined> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options as PublicKeyCredentialRequestOptionsJSON)
  return answer(navigator.credentials.get({ publicKey }))
}

async function answer(asked: Promise<Credential | null>): Promise<Record<string, never> | undefined> {
  try {
    const credential = await asked
    return credential ? ((credential as PublicKeyCredential).toJSON() as Record<string, never>) : undefined
  } catch (error) {
    // Cancelled, or too late: browsers do not say which.
    if (error instanceof DOMException && error.name === 'NotAllowedError') return undefined
    throw error
  }
}
