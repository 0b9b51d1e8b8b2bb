import type { Handlers } from '#kit/server.ts'
import type { Clients } from '../clients.ts'
import type { leaveSettingOperations } from '../contract/leave-settings.ts'
import { scoped } from '../scoped.ts'

export const leaveSettingHandlers = (leave: Clients['leave']): Handlers<typeof leaveSettingOperations> => ({
  createLeaveType: (input, call) => leave(call).createLeaveType(scoped(input, call)),
  changeLeaveType: (input, call) => leave(call).changeLeaveType(scoped(input, call)),
  listLeaveTypes: (input, call) => leave(call).listLeaveTypes(scoped(input, call)),
  createLeavePolicy: (input, call) => leave(call).createLeavePolicy(scoped(input, call)),
  changeLeavePolicy: (input, call) => leave(call).changeLeavePolicy(scoped(input, call)),
  getLeavePolicy: (input, call) => leave(call).getLeavePolicy(scoped(input, call)),
  listLeavePolicies: (input, call) => leave(call).listLeavePolicies(scoped(input, call)),
  closePeriod: (input, call) => leave(call).closePeriod(scoped(input, call)),
  getClosedPeriod: (input, call) => leave(call).getClosedPeriod(scoped(input, call)),
  createHolidayCalendar: (input, call) => leave(call).createHolidayCalendar(scoped(input, call)),
  changeHolidayCalendar: (input, call) => leave(call).changeHolidayCalendar(scoped(input, call)),
  listHolidayCalendars: (input, call) => leave(call).listHolidayCalendars(scoped(input, call)),
  getHolidays: (input, call) => leave(call).getHolidays(scoped(input, call)),
  addPublicHolidays: (input, call) => leave(call).addPublicHolidays(scoped(input, call)),
  setHolidays: (input, call) => leave(call).setHolidays(scoped(input, call)),
  removeHoliday: (input, call) => leave(call).removeHoliday(scoped(input, call)),
  createWorkingPattern: (input, call) => leave(call).createWorkingPattern(scoped(input, call)),
  changeWorkingPattern: (input, call) => leave(call).changeWorkingPattern(scoped(input, call)),
  listWorkingPatterns: (input, call) => leave(call).listWorkingPatterns(scoped(input, call)),
  assignSchedule: (input, call) => leave(call).assignSchedule(scoped(input, call)),
  getSchedule: (input, call) => leave(call).getSchedule(scoped(input, call)),
})
