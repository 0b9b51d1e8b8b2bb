import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { Subject } from './subject.ts'
import { open } from './wire.ts'

/** What stays open for long. */
export function streamSuite(subject: () => Subject): void {
  describe('server-sent events', () => {
    it('arrive one by one while the answer is open', async () => {
      const sent = open(subject().url, {
        path: subject().events,
        headers: {
          authorization: `Bearer ${await subject().token('hr-admin')}`,
          accept: 'text/event-stream',
        },
      })
      sent.end()
      const [response] = await once(sent, 'response')
      expect(response.statusCode).toBe(200)
      expect(response.headers['content-type']).toMatch(/^text\/event-stream/)
      const [chunk] = await once(response, 'data')
      expect(String(chunk)).toMatch(/^(data|id|event|:)/)
      expect(response.complete).toBe(false)
      sent.destroy()
    })
  })
}
