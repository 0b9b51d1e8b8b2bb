import { randomInt } from 'node:crypto'

/** Without letters and digits that look alike: people type it. */
const letters = 'abcdefghjkmnpqrstuvwxyz23456789'

/** About 79 bits, in groups that are easy to read. */
function makePassword(): string {
  const group = () => Array.from({ length: 4 }, () => letters[randomInt(letters.length)]).join('')
  return [group(), group(), group(), group()].join('-')
}

/** Accepts an invitation at identity's page, as a person does in a browser, with a password that is made up here. */
export async function acceptInvitation(invitation: string, identity: string): Promise<string> {
  const { pathname, searchParams } = new URL(invitation)
  const password = makePassword()
  const response = await fetch(new URL(pathname, identity), {
    method: 'POST',
    body: new URLSearchParams({ token: searchParams.get('token')!, password, repeated: password }),
  })
  if (!response.ok) throw new Error(`The page of an invitation answered ${response.status}`)
  return password
}
