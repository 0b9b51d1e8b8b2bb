import { allOf, Parameters } from '#kit/sql.ts'

/** A statement in the making, with conditions that hold together. */
export class Conditions extends Parameters {
  private readonly all: string[] = []

  add(condition: string): void {
    this.all.push(condition)
  }

  override toString(): string {
    return allOf(this.all)
  }
}
