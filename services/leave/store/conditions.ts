/** A statement in the making: values become parameters, conditions hold together. */
export class Conditions {
  readonly values: unknown[] = []
  private readonly all: string[] = []

  value(value: unknown): string {
    this.values.push(value)
    return `$${this.values.length}`
  }

  add(condition: string): void {
    this.all.push(condition)
  }

  toString(): string {
    return this.all.join(' and ') || 'true'
  }
}
