import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { calleesOf, edge, graphOf } from '../mesh/graph.ts'
import { services } from '../services/index.ts'

/** Draws who calls whom, from the declarations: as text, and as SVG with `--svg <file>`. */
const graph = graphOf(services)
const rows = [
  [edge],
  services.filter((service) => service.layer === 'application').map((service) => service.name),
  services.filter((service) => service.layer === 'data').map((service) => service.name),
]
const callers = rows.flat().filter((name) => calleesOf(graph, name).length > 0)
const operationsOf = (caller: string, callee: string) =>
  graph.edges.filter((e) => e.caller === caller && e.callee === callee).length

for (const caller of callers)
  for (const callee of calleesOf(graph, caller))
    process.stdout.write(`${caller} → ${callee}  ${operationsOf(caller, callee)} operations\n`)

const { values } = parseArgs({ options: { svg: { type: 'string' } } })
if (values.svg) await writeFile(values.svg, svg())

function svg(): string {
  const width = 220
  const height = 130
  const place = (name: string) => {
    const row = rows.findIndex((names) => names.includes(name))
    const names = rows[row]!
    const widest = Math.max(...rows.map((each) => each.length))
    return { x: ((names.indexOf(name) + 0.5) * widest * width) / names.length, y: row * height + 60 }
  }
  const arrows = callers.flatMap((caller) =>
    calleesOf(graph, caller).map((callee) => {
      const [from, to] = [place(caller), place(callee)]
      const middle = { x: from.x + (to.x - from.x) * 0.4, y: from.y + (to.y - from.y) * 0.4 }
      return (
        `<line x1="${from.x}" y1="${from.y + 22}" x2="${to.x}" y2="${to.y - 24}" stroke="#667" marker-end="url(#arrow)"/>` +
        `<text x="${middle.x + 6}" y="${middle.y + 6}" fill="#667">${operationsOf(caller, callee)}</text>`
      )
    }),
  )
  const boxes = rows.flat().map((name) => {
    const { x, y } = place(name)
    return (
      `<rect x="${x - 70}" y="${y - 22}" width="140" height="44" rx="6" fill="#eef3fb" stroke="#4a6fa5"/>` +
      `<text x="${x}" y="${y + 5}" text-anchor="middle">${name}</text>`
    )
  })
  const size = `width="${Math.max(...rows.map((names) => names.length)) * width}" height="${rows.length * height}"`
  const arrow =
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" fill="#667"/></marker></defs>'
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="system-ui, sans-serif" font-size="14">${arrow}${arrows.join('')}${boxes.join('')}</svg>\n`
}
