import pg from 'pg'

/**
 * A pool whose connections may break at any time: an idle one is dropped, and the statement on a busy one fails.
 * Without listeners either would end the process.
 */
export function openPool(config: pg.PoolConfig & { pipeline?: boolean }): pg.Pool {
  const pool = new pg.Pool(config)
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}
