import type { Country } from './names.ts'

export interface Unit {
  code: string
  name: string
  parent?: string
  costCentre: string
}

export interface Position {
  code: string
  title: string
  orgUnit: string
}

interface Department extends Unit {
  country: Country
  /** Teams, each with a lead, and people in each; without teams all report to the head. */
  teams: number
  size: number
  titles: { head: string; lead: string; staff: string; senior: string }
}

export const sites: Record<Country, { location: string; timeZone: string; phone: string }> = {
  DE: { location: 'Berlin', timeZone: 'Europe/Berlin', phone: '+49 30 5550' },
  CN: { location: '上海', timeZone: 'Asia/Shanghai', phone: '+86 21 5550' },
  US: { location: 'Chicago', timeZone: 'America/Chicago', phone: '+1 312 555 0' },
}

export const company: Unit = { code: 'MO', name: 'Meridian Optics', costCentre: '1000' }

export const divisions: (Unit & { country: Country; chief: string })[] = [
  { code: 'ENG', name: 'Engineering', costCentre: '2000', country: 'DE', chief: 'Chief Technology Officer' },
  { code: 'OPS', name: 'Operations', costCentre: '3000', country: 'CN', chief: 'Chief Operating Officer' },
  { code: 'SAL', name: 'Sales', costCentre: '4000', country: 'US', chief: 'Chief Revenue Officer' },
  { code: 'FIN', name: 'Finance', costCentre: '5000', country: 'DE', chief: 'Chief Financial Officer' },
  { code: 'HR', name: 'People', costCentre: '6000', country: 'DE', chief: 'Chief People Officer' },
]

const titles = (head: string, lead: string, staff: string) => ({
  head,
  lead,
  staff,
  senior: `Senior ${staff}`,
})

const department = (
  parent: string,
  code: string,
  name: string,
  country: Country,
  costCentre: string,
  [teams, size]: [number, number],
  names: [head: string, lead: string, staff: string],
): Department => ({ code, name, parent, country, costCentre, teams, size, titles: titles(...names) })

const engineering: [string, string] = ['Head of Engineering', 'Team Lead']
const sales: [string, string, string] = ['Sales Director', 'Sales Manager', 'Account Executive']
const people: [string, string, string] = ['People Lead', 'People Lead', 'People Partner']

export const departments: Department[] = [
  department('ENG', 'ENG-OPT', 'Optics', 'DE', '2100', [3, 6], [...engineering, 'Optics Engineer']),
  department('ENG', 'ENG-SW', 'Software', 'DE', '2200', [4, 6], [...engineering, 'Software Engineer']),
  department('ENG', 'ENG-EL', '电子研发', 'CN', '2300', [3, 6], [...engineering, 'Electronics Engineer']),
  department('ENG', 'ENG-QA', 'Quality', 'US', '2400', [2, 5], [...engineering, 'Quality Engineer']),
  department('OPS', 'OPS-PRD', '生产', 'CN', '3100', [5, 8], ['Plant Manager', 'Shift Lead', 'Technician']),
  department(
    'OPS',
    'OPS-LOG',
    '物流',
    'CN',
    '3200',
    [2, 6],
    ['Head of Logistics', 'Shift Lead', 'Logistician'],
  ),
  department(
    'OPS',
    'OPS-PUR',
    'Purchasing',
    'DE',
    '3300',
    [1, 5],
    ['Head of Purchasing', 'Team Lead', 'Buyer'],
  ),
  department('SAL', 'SAL-EU', 'Sales Europe', 'DE', '4100', [2, 5], sales),
  department('SAL', 'SAL-CN', '中国销售', 'CN', '4200', [2, 5], sales),
  department('SAL', 'SAL-US', 'Sales Americas', 'US', '4300', [2, 5], sales),
  department(
    'SAL',
    'SAL-CS',
    'Customer Service',
    'US',
    '4400',
    [2, 6],
    ['Service Director', 'Service Lead', 'Service Agent'],
  ),
  department(
    'FIN',
    'FIN-ACC',
    'Accounting',
    'DE',
    '5100',
    [1, 5],
    ['Head of Accounting', 'Team Lead', 'Accountant'],
  ),
  department(
    'FIN',
    'FIN-CTL',
    'Controlling',
    'US',
    '5200',
    [1, 3],
    ['Head of Controlling', 'Team Lead', 'Analyst'],
  ),
  department('HR', 'HR-DE', 'People Germany', 'DE', '6100', [0, 3], people),
  department('HR', 'HR-CN', '人力资源', 'CN', '6200', [0, 3], people),
  department('HR', 'HR-US', 'People Americas', 'US', '6300', [0, 3], people),
]

export const units: Unit[] = [
  company,
  ...divisions.map(({ code, name, costCentre }) => ({ code, name, parent: company.code, costCentre })),
  ...departments.map(({ code, name, parent, costCentre }) => ({
    code,
    name,
    costCentre,
    ...(parent && { parent }),
  })),
]

export const positions: Position[] = [
  { code: 'MO-CEO', title: 'Chief Executive Officer', orgUnit: company.code },
  ...divisions.map(({ code, chief }) => ({ code: `${code}-CHIEF`, title: chief, orgUnit: code })),
  ...departments.flatMap((unit) =>
    (['head', 'lead', 'staff', 'senior'] as const)
      .filter((rank) => rank !== 'lead' || unit.teams > 0)
      .map((rank) => ({
        code: `${unit.code}-${rank.toUpperCase()}`,
        title: unit.titles[rank],
        orgUnit: unit.code,
      })),
  ),
]
