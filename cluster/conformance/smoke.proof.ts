import { expect, it } from 'vitest'
import { newCompany } from './harness/company.ts'
import { publicUrl } from './harness/edge.ts'

it('a company is made and its people are found', async () => {
  const company = await newCompany()
  const response = await fetch(`${publicUrl}/v1/employees`, {
    headers: { authorization: `Bearer ${await company.token()}` },
  })
  expect(response.status, await response.clone().text()).toBe(200)
})
