import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium } from 'playwright-core'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** A Chromium or Chrome on PATH. */
function installed(): string | undefined {
  const candidates = (process.env.PATH ?? '')
    .split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)))
  return candidates.find((file) => {
    try {
      accessSync(file, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Takes a picture of each page of HTML, as a PNG that is as high as the page. */
export async function picturesOf(
  pages: ReadonlyMap<string, string>,
  width: number,
  executablePath = installed(),
): Promise<Map<string, Buffer>> {
  if (!executablePath)
    throw new Error(`None of ${names.join(', ')} is on PATH: install one, or name it with --browser`)
  const browser = await chromium.launch({
    executablePath,
    // As root, which has no sandbox in Chromium. The pages are our own and load nothing.
    chromiumSandbox: process.getuid?.() !== 0,
  })
  try {
    const page = await browser.newPage({ viewport: { width, height: 900 } })
    const pictures = new Map<string, Buffer>()
    for (const [name, html] of pages) {
      await page.setContent(html)
      pictures.set(name, await page.screenshot({ fullPage: true }))
    }
    return pictures
  } finally {
    await browser.close()
  }
}
