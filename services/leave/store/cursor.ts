import { badCursor } from '#kit/page.ts'

/** The cursor of a list in the order of ids: the id of the page's last item; null on the first page. */
export function idCursor(cursor: string | undefined): string | null {
  if (cursor === undefined) return null
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(cursor)) throw badCursor()
  return cursor
}
