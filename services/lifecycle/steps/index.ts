import { accountStep } from './account.ts'
import { erasureStep } from './erasure.ts'
import { leaveProjectionStep } from './leave-projection.ts'
import type { Steps } from './step.ts'
import { tenantDeletionStep } from './tenant-deletion.ts'
import { tenantExportStep } from './tenant-export.ts'

export const steps: Steps = {
  account: accountStep,
  'leave-projection': leaveProjectionStep,
  'tenant-export': tenantExportStep,
  'tenant-deletion': tenantDeletionStep,
  erasure: erasureStep,
}
