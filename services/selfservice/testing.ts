import { actorAt, senderTo } from '../workforce/matrix/request.ts'
import { startWorkforce } from '../workforce/testing.ts'
import { createSelfserviceApp } from './app.ts'
import { connect } from './clients.ts'
import { selfserviceContract } from './contract.ts'

/** Selfservice before the real data services; HR works beside it with workforce. */
export async function startSelfservice() {
  const workforce = await startWorkforce()
  const app = createSelfserviceApp({}, connect(workforce.urls))
  return {
    app,
    workforce,
    send: senderTo(app, selfserviceContract),
    act: actorAt(app, selfserviceContract),
    close: workforce.close,
  }
}

export type TestSelfservice = Awaited<ReturnType<typeof startSelfservice>>
