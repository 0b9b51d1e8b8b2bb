import { beforeAll, describe } from 'vitest'
import { companyStory, type Stage } from '../../local/test-company-story.ts'
import { operator } from './harness/company.ts'
import { publicUrl } from './harness/edge.ts'

describe('people work through the edge as they do in the local run', () => {
  let stage: Stage
  beforeAll(async () => {
    stage = { edge: publicUrl, operator: await operator() }
  })
  companyStory(() => stage)
})
