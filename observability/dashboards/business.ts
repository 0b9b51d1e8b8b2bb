import { OpsPerMinute, Short } from '@grafana/grafana-foundation-sdk/units'
import type { Contract } from '#kit/contract.ts'
import { directoryContract } from '../../services/directory/contract.ts'
import { identityContract } from '../../services/identity/contract.ts'
import { leaveContract } from '../../services/leave/contract.ts'
import { type Attribute, anyValue, many, series } from '../names.ts'
import { dashboard } from './dashboard.ts'
import { lines, number } from './panel.ts'
import { increase, type Labels, labels, legendOf, rate, sum } from './promql.ts'

/** Does the company's work get done? Numbers of acts, never whose. */
export const business = () =>
  dashboard({
    name: 'business',
    title: 'Business',
    description:
      'What people do: leave, changes of people, imports, accounts. Acts that succeeded are counted, one that was sent again too; nobody is named.',
    rows: [
      {
        title: 'In the time that is shown',
        panels: [asked(), decided(), hired(), left(), imported(), failed()],
      },
      { title: 'Over time', panels: [leave(), people(), imports(), accounts(), refusals(), failedJobs()] },
      { title: 'Ledgers', panels: [brokenLedgers()] },
    ],
  })

const metric = 'http.server.request.duration'
const operation = 'staffmesh.operation'
const job = 'staffmesh.job'

const happened = <C extends Contract>(of: C, ...operations: (keyof C['operations'] & string)[]): Labels => ({
  'service.name': of.service,
  [operation]: operations,
  'http.response.status_code': ['200', '201', '202'],
})

const none = 'None, as far as is known'

/** Between two scrapes Prometheus guesses, in fractions. */
const counted = (counter: string) => `round(${sum([], increase(counter))})`

const total = (title: string, description: string, what: Labels) =>
  number({ title, description, unit: Short, empty: none }, counted(series(metric, 'count', what)))

const asked = () =>
  total('Leave requests', 'Requests for leave that were taken.', happened(leaveContract, 'submitRequest'))

const decided = () =>
  total(
    'Leave decisions',
    'Approvals and rejections, one for each step.',
    happened(leaveContract, 'decideRequest'),
  )

const hired = () =>
  total(
    'People hired',
    'One by one; those of imports are not counted.',
    happened(directoryContract, 'hireEmployee', 'rehireEmployee'),
  )

const left = () =>
  total(
    'Terminations',
    'Entered, whenever they take effect.',
    happened(directoryContract, 'terminateEmployee'),
  )

const imported = () => total('Imports', 'Started, dry runs too.', happened(directoryContract, 'startImport'))

const failed = () =>
  number(
    {
      title: 'Failed jobs',
      description:
        'Of all workers; each is tried again. More than a few: look at the service whose job it is.',
      unit: Short,
      bad: { above: 10 },
      empty: none,
    },
    counted(series('staffmesh.job.duration', 'count', { 'error.type': anyValue })),
  )

/** How often a minute each operation succeeded. */
const acts = (title: string, description: string, ...acts: Labels[]) =>
  lines(
    { title, description, unit: OpsPerMinute, empty: none },
    ...acts.map((what) => ({
      expr: perMinute([operation], series(metric, 'count', what)),
      legend: legendOf(operation),
    })),
  )

const perMinute = (by: readonly Attribute[], counter: string) => `60 * ${sum(labels(by), rate(counter))}`

const leave = () =>
  acts(
    'Leave',
    'Asked for, decided and taken back.',
    happened(leaveContract, 'submitRequest', 'decideRequest', 'cancelRequest'),
  )

const people = () =>
  acts(
    'People',
    'Changes that HR entered one by one.',
    happened(
      directoryContract,
      'hireEmployee',
      'rehireEmployee',
      'changeEmployee',
      'correctEmployee',
      'transferEmployee',
      'changePerson',
      'terminateEmployee',
    ),
  )

const imports = () =>
  acts(
    'Imports and runs',
    'Files that were uploaded and started, and runs over many leave accounts.',
    happened(directoryContract, 'uploadImportFile', 'startImport', 'cancelImport'),
    happened(leaveContract, 'startLeaveRun', 'grantLeaveByFile', 'closePeriod'),
  )

const accounts = () =>
  acts(
    'Accounts and tenants',
    'Accounts follow employments by themselves; invitations and roles are given by people.',
    happened(
      identityContract,
      'provisionAccount',
      'disableAccount',
      'enableAccount',
      'issueInvitation',
      'setRoles',
      'createTenant',
      'suspendTenant',
      'deleteTenant',
    ),
  )

const refusals = () =>
  lines(
    {
      title: 'Refused by a rule',
      description:
        'Commands on leave and people that a rule or another change had forbidden: 409, 412 and 422.',
      unit: OpsPerMinute,
      empty: 'No rule was broken',
    },
    {
      expr: perMinute(
        [operation],
        series(metric, 'count', {
          'service.name': [directoryContract.service, leaveContract.service],
          'staffmesh.kind': 'command',
          'http.response.status_code': ['409', '412', '422'],
        }),
      ),
      legend: legendOf(operation),
    },
  )

const failedJobs = () =>
  lines(
    {
      title: 'Failed jobs',
      description: 'By worker and job; each is tried again later.',
      unit: OpsPerMinute,
      empty: 'No job failed',
    },
    {
      expr: perMinute(
        ['service.name', job],
        series('staffmesh.job.duration', 'count', { 'error.type': anyValue }),
      ),
      legend: `${legendOf('service.name')}: ${legendOf(job)}`,
    },
  )

const invariant = 'staffmesh.invariant'

const brokenLedgers = () =>
  lines(
    {
      title: 'Accounts that break an invariant',
      description:
        'What was found in ledgers since the processes that look for it began, by what must hold of each account. All must stay 0; else somebody is called.',
      unit: Short,
      bad: { above: 1 },
      width: 24,
    },
    { expr: sum(labels([invariant]), many('staffmesh.ledger.violations')), legend: legendOf(invariant) },
  )
