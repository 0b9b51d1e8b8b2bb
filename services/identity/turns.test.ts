import { expect, it } from 'vitest'
import { inTurns } from './turns.ts'

it('does at most so many at once, lets some wait and refuses the rest', async () => {
  const turn = inTurns({ atOnce: 2, waiting: 3 })
  let running = 0
  let most = 0
  const finish: (() => void)[] = []
  const work = async () => {
    most = Math.max(most, ++running)
    await new Promise<void>((resolve) => finish.push(resolve))
    running--
  }
  const all = Array.from({ length: 7 }, () => turn(work))
  const outcomes = Promise.allSettled(all)
  for (let done = 0; done < 5; done++) {
    await expect.poll(() => finish.length).toBeGreaterThan(0)
    finish.shift()!()
  }
  expect((await outcomes).map(({ status }) => status)).toEqual([
    ...Array(5).fill('fulfilled'),
    'rejected',
    'rejected',
  ])
  expect(most).toBe(2)
  await expect(all[6]).rejects.toMatchObject({ code: 'unavailable' })
})

it('goes on after work that failed', async () => {
  const turn = inTurns({ atOnce: 1, waiting: 1 })
  await expect(turn(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await turn(async () => 'yes')).toBe('yes')
})
