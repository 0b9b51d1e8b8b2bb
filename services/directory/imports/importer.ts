import type { CommandTx } from '#kit/command.ts'
import type { Import } from '../store/import.ts'
import type { Cells } from './cells.ts'
import type { Key, Pending } from './keys.ts'

export type Outcome = 'created' | 'changed' | 'unchanged' | 'skipped' | 'failed'

/** What a row is about, and whom it names as superior. */
export interface RowKey {
  key: string
  parentKey: string | null
  startsOn: string | null
}

/** A row read: its fields, or none if they break a rule. */
export interface ReadRow<T> {
  line: number
  cells: Cells
  value: T | undefined
  outcome: Outcome
  /** Since when its superior is to be set, once all rows are there. */
  pendingFrom: string | null
}

export interface Batch<T> {
  tx: CommandTx
  import: Import
  rows: ReadRow<T>[]
  /** The rows of the file that are about the same, or are superiors, by key. */
  keys: ReadonlyMap<string, Key>
}

/** How one kind of file is imported. */
export interface Importer<T> {
  /** Reads the fields of a row; undefined if they are unusable. */
  read(cells: Cells, job: Import): T | undefined
  /** Absent: rows are about nothing that could stand twice in the file. */
  keyOf?(value: T): RowKey
  /** Which of the key's fields hold it and its superior, for reports. */
  keyFields?: { key: string; parent: string }
  /** Decides on each row of a batch, and writes unless it is a dry run. */
  apply(batch: Batch<T>): Promise<void>
  /** Sets superiors that stood further down in the file. */
  link?(tx: CommandTx, job: Import, pending: readonly Pending[]): Promise<LinkIssue[]>
}

export interface LinkIssue {
  line: number
  rule: string
  detail: string
}
