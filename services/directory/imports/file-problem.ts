/** Why a file as a whole cannot be used; nothing of it is imported. */
export class FileProblem extends Error {
  readonly rule: string
  constructor(rule: string, detail: string) {
    super(detail)
    this.name = 'FileProblem'
    this.rule = rule
  }
}
