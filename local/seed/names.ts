import type { Random } from './random.ts'

export type Country = 'DE' | 'CN' | 'US'

export interface Name {
  given: string
  family: string
  order: 'given-first' | 'family-first'
  /** For the e-mail address. */
  latin: string
}

interface Culture {
  order: Name['order']
  /** Comma-separated; a name that is not plain ASCII is followed by its Latin letters: `王=wang`. */
  given: string
  family: string
}

const cultures = {
  german: {
    order: 'given-first',
    given:
      'Anna, Lukas, Jürgen=juergen, Katharina, Björn=bjoern, Sophie, Matthias, Käthe=kaethe, Jörg=joerg, Miriam, Zoë=zoe, ' +
      'Torsten, Annelie, Sebastian, René=rene, Ursula, Falk, Frauke, Lennart, Wiebke, Moritz, Henrike, Konstantin, Nele',
    family:
      'Müller=mueller, Schäfer=schaefer, Groß=gross, Weiß=weiss, Köhler=koehler, Schmidt, Fischer, Krämer=kraemer, Böhm=boehm, ' +
      'Hoffmann, Jäger=jaeger, Lehmann, Vogel, Schröder=schroeder, Kühn=kuehn, Winkler, Strauß=strauss, Brandt, Löwe=loewe, Peters',
  },
  polish: {
    order: 'given-first',
    given: 'Łukasz=lukasz, Małgorzata=malgorzata, Paweł=pawel, Agnieszka, Zofia',
    family: 'Wójcik=wojcik, Dąbek=dabek, Nowak, Kowalczyk, Zając=zajac',
  },
  turkish: {
    order: 'given-first',
    given: 'Ayşe=ayse, Ömer=oemer, Çağla=cagla, İpek=ipek, Işıl=isil',
    family: 'Yılmaz=yilmaz, Öztürk=oeztuerk, Çelik=celik, Şahin=sahin, Demir',
  },
  ukrainian: {
    order: 'given-first',
    given: 'Олена=olena, Дмитро=dmytro, Наталія=nataliia, Андрій=andrii',
    family: 'Шевченко=shevchenko, Коваленко=kovalenko, Бондар=bondar, Ткачук=tkachuk',
  },
  arabic: {
    order: 'given-first',
    given: 'ليلى=layla, عمر=omar, نور=nour, سامي=sami',
    family: 'حداد=haddad, الخطيب=alkhatib, منصور=mansour, عباس=abbas',
  },
  chinese: {
    order: 'family-first',
    given:
      '伟=wei, 芳=fang, 娜=na, 敏=min, 静=jing, 丽=li, 强=qiang, 磊=lei, 军=jun, 洋=yang, 勇=yong, 艳=yan, 杰=jie, 娟=juan, 涛=tao, 明=ming, ' +
      '秀英=xiuying, 建国=jianguo, 子涵=zihan, 浩然=haoran, 雨桐=yutong, 思远=siyuan, 梓萱=zixuan, 晓梅=xiaomei, 志强=zhiqiang, ' +
      '佳怡=jiayi, 文博=wenbo, 欣怡=xinyi, 海燕=haiyan, 一诺=yinuo',
    family:
      '王=wang, 李=li, 张=zhang, 刘=liu, 陈=chen, 杨=yang, 黄=huang, 赵=zhao, 吴=wu, 周=zhou, 徐=xu, 孙=sun, 马=ma, 朱=zhu, 胡=hu, 郭=guo, ' +
      '何=he, 林=lin, 高=gao, 罗=luo, 郑=zheng, 梁=liang, 谢=xie, 宋=song, 唐=tang, 许=xu, 邓=deng, 韩=han, 冯=feng, 欧阳=ouyang',
  },
  american: {
    order: 'given-first',
    given:
      'Emily, James, Aaliyah, Noah, Grace, Ethan, Olivia, Marcus, Hannah, Tyler, Nicole, Jamal, Brooke, Caleb, Megan, Isaiah, Claire, ' +
      'Devin, Rachel, Austin, Naomi, Wesley, Paige, Dominic',
    family:
      "Smith, Johnson, O'Connor=oconnor, Washington, Miller, Brooks, Carter, Hayes, Bennett, Sullivan, Foster, Price, Hughes, " +
      'Simmons, Jenkins, Coleman, Russell, Griffin, Walsh, Freeman',
  },
  spanish: {
    order: 'given-first',
    given: 'María=maria, José=jose, Lucía=lucia, Andrés=andres, Inés=ines, Raúl=raul',
    family: 'García=garcia, Muñoz=munoz, Peña=pena, Hernández=hernandez, Núñez=nunez, Ibáñez=ibanez',
  },
  vietnamese: {
    order: 'family-first',
    given: 'Thị Hồng=thihong, Minh Đức=minhduc, Ngọc Ánh=ngocanh',
    family: 'Nguyễn=nguyen, Trần=tran, Phạm=pham',
  },
  indian: {
    order: 'given-first',
    given: 'प्रिया=priya, अर्जुन=arjun, अनन्या=ananya',
    family: 'शर्मा=sharma, पटेल=patel, राव=rao',
  },
} satisfies Record<string, Culture>

/** Who works where: the share of each culture in a country, in parts. */
const workforce: Record<Country, Partial<Record<keyof typeof cultures, number>>> = {
  DE: { german: 14, polish: 2, turkish: 2, ukrainian: 2, arabic: 1 },
  CN: { chinese: 20, german: 1 },
  US: { american: 12, spanish: 4, vietnamese: 2, indian: 2, chinese: 1 },
}

const parse = (list: string) =>
  list.split(', ').map((entry) => {
    const [written, latin] = entry.split('=')
    return { written: written!, latin: latin ?? written!.toLowerCase() }
  })

const parsed = new Map(
  Object.entries<Culture>(cultures).map(([culture, { order, given, family }]) => [
    culture,
    { order, given: parse(given), family: parse(family) },
  ]),
)

/** A name that is usual among those who work in the country. */
export function nameIn(country: Country, random: Random): Name {
  const culture = random.pick(
    Object.entries(workforce[country]).flatMap(([each, parts]) => Array<string>(parts).fill(each)),
  )
  const { order, ...lists } = parsed.get(culture)!
  const given = random.pick(lists.given)
  const family = random.pick(lists.family)
  return { given: given.written, family: family.written, order, latin: `${given.latin}.${family.latin}` }
}
