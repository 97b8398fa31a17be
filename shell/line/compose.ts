/**
 * What may be typed after the compose key: keyboard(6). Sequences, each with its character behind it. Those of accents are made
 * by `accents`.
 */
const symbols = `
!!¡ c$¢ l$£ g$¤ y$¥ e$€ ||¦ Ss§ ""¨ Oc© cO© sa ª so º <<« >>» no¬ --\u00ad Or® rO® __¯ de° +-± ''´ mi µ pg¶ ..· ,,¸ ??¿ mu× -:÷ :-÷
AEÆ aeæ OEŒ oeœ -DÐ D-Ð -dð d-ð |PÞ |pþ ss ß /OØ /oø oAÅ oaå -HĦ H-Ħ -LŁ L-Ł -lł l-ł -TŦ T-Ŧ -tŧ t-ŧ IJĲ ij ĳ $fƒ -hℏ h-ℏ
-bƀ hvƕ -IƗ I-Ɨ -iɨ i-ɨ -uʉ u-ʉ OIƢ oiƣ YRƦ $VƲ $vʋ $aɑ -ZƵ Z-Ƶ -zƶ z-ƶ -2ƻ 2-ƻ -GǤ G-Ǥ -gǥ g-ǥ .LĿ .lŀ
LJǇ Ljǈ ljǉ NJǊ Njǋ njǌ dzʣ DvZǄ Dvzǅ dvzǆ
14¼ 12½ 34¾ 13⅓ 23⅔ 15⅕ 25⅖ 35⅗ 45⅘ 16⅙ 56⅚ 18⅛ 38⅜ 58⅝ 78⅞
s0⁰ S1¹ s1¹ S2² s2² S3³ s3³ s4⁴ s5⁵ s6⁶ s7⁷ s8⁸ s9⁹ s+⁺ s-⁻ s=⁼ s(⁽ s)⁾ snⁿ siⁱ
b0₀ b1₁ b2₂ b3₃ b4₄ b5₅ b6₆ b7₇ b8₈ b9₉ b+₊ b-₋ b=₌ b(₍ b)₎ bi ᵢ
*AΑ *BΒ *GΓ *DΔ *EΕ *ZΖ *YΗ *HΘ *IΙ *KΚ *LΛ *MΜ *NΝ *CΞ *OΟ *PΠ *RΡ *SΣ *TΤ *UΥ *FΦ *XΧ *QΨ *WΩ
*aα *bβ *gγ *dδ *eε *zζ *yη *hθ *iι *kκ *lλ *mμ *nν *cξ *oο *pπ *rρ tsς *sσ *tτ *uυ *fφ *xχ *qψ *wω
@AА @BБ @VВ @GГ @DД @@EЕ @YEЕ @YeЕ @YOЁ @YoЁ @ZHЖ @ZhЖ @@ZЗ @IИ @JЙ @@KК @LЛ @MМ @NН @OО @PП @RР @@SС @@TТ @UУ @FФ
@KHХ @KhХ @XХ @TSЦ @TsЦ @CHЧ @ChЧ @SHШ @ShШ @SCЩ @ScЩ @@YЫ @EHЭ @EhЭ @YUЮ @YuЮ @YAЯ @YaЯ
@aа @bб @vв @gг @dд @@eе @yeе @yoё @zhж @@zз @iи @jй @@kк @lл @mм @nн @oо @pп @rр @@sс @@tт @uу @fф
@khх @xх @tsц @chч @shш @scщ @''ъ @@yы @@'ь @ehэ @yuю @yaя
en– em— l'‘ r'’ l"“ r"” lq„ dg† dd‡ bu• 1.․ 2.‥ 3.… !?‽ ?!‽ tm™ Op℗ pO℗
CCℂ HHℍ NNℕ PPℙ QQℚ RRℝ ZZℤ AA𝔸 BB𝔹 DD𝔻 EE𝔼 FF𝔽 GG𝔾 II𝕀 JJ𝕁 KK𝕂 LL𝕃 MM𝕄 OO𝕆 SS𝕊 TT𝕋 UU𝕌 VV𝕍 WW𝕎 XX𝕏 YY𝕐
$gℊ $Hℋ $Iℐ $Lℒ $lℓ $p℘ $Rℛ $Bℬ $eℯ $Eℰ $Fℱ $Mℳ $oℴ
<-← ua↑ ->→ da↓ ab↔ nw↖ ne↗ se↘ sw↙ V=⇐ =V⇒
"*IΪ "*UΫ "*iϊ "*uϋ $*hϑ $*fϕ $*kϰ -*lƛ
!~-≄ ~!=≆ !~=≇ !~~≉ <!=≨ >!=≩ <!~⋦ >!~⋧ =O⊜ O=⊜ =<⋜ =>⋝ ++⧺ bNₙ
fa∀ pd∂ te∃ es∅ De∆ gr∇ mo∈ !m∉ st∍ pr∏ su∑ -+∓ **∗ bo∙ sr√ pt∝ if∞ an∠ l&∧ l|∨ ca∩ cu∪ is∫ tf∴ bc∵ ::∷
-~≂ ~-≃ cg≅ ~=≅ ~~≈ :=≔ =:≕ !=≠ ==≡ <=≤ >=≥ !<≮ !>≯ <~≲ >~≳ <>≶ ><≷ sb⊂ sp⊃ !b⊄ !p⊅ ib⊆ ip⊇
+O⊕ O+⊕ -O⊖ O-⊖ Ox⊗ xO⊗ O/⊘ .O⊙ O.⊙ Oo⊚ oO⊚ O*⊛ tu⊢ Tu⊨ L&⋀ L|⋁ CA⋂ CU⋃ lz⋄ el⋯ O9⑨ 9O⑨
P*★ fl☜ fu☝ fr☞ fd☟ X(☠ TF☢ SU☭ :(☹ :)☺ fs♀ ms♂ <3♥ M4♩ M8♪ Mb♭ M#♮ Ms♯ cm✓ d<⟨ d>⟩
wk♔ wq♕ wr♖ wb♗ wn♘ wp♙ bk♚ bq♛ br♜ bb♝ bn♞ bp♟`

/** An accent as it is typed before its letter, and what combines with the letter. */
const accents: readonly [typed: string, mark: string][] = [
  ['`', '\u0300'],
  ["'", '\u0301'],
  ['^', '\u0302'],
  ['~', '\u0303'],
  ['_', '\u0304'],
  ['u', '\u0306'],
  ['.', '\u0307'],
  ['"', '\u0308'],
  ['o', '\u030a'],
  ['h', '\u030b'],
  ['v', '\u030c'],
]

function make(): Map<string, string> {
  const all = new Map<string, string>()
  const add = (typed: string, letter: string, ...marks: string[]) => {
    const ch = (letter + marks.join('')).normalize('NFC')
    if ([...ch].length === 1 && !all.has(typed)) all.set(typed, ch)
  }
  for (const m of symbols.matchAll(/(\S(?:\S(?=\S|\s\S\s)){1,2}) ?(\S)(?=\s|$)/gu)) all.set(m[1]!, m[2]!)
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ']
  for (const letter of [...letters, ...letters.map(l => l.toLowerCase())]) {
    // A hook for vowels, a cedilla for the others.
    add(`,${letter}`, letter, /[aeiou]/i.test(letter) ? '\u0328' : '\u0327')
    for (const [typed, mark] of accents) {
      add(typed + letter, letter, mark)
      for (const [below, first] of [['"', '\u0308'] as const, ['.', '\u0307'] as const])
        add(typed + below + letter, letter, first, mark)
    }
  }
  return all
}

let table: Map<string, string> | undefined

/**
 * The character that a sequence after the compose key stands for; the sequence itself where it stands for none; undefined
 * while it may go on. `x` is followed by a rune's number, of up to six hexadecimal digits and a semicolon if they are fewer.
 */
export function compose(typed: string): string | undefined {
  if (typed === '') return undefined
  const hex = /^x([0-9a-f]{0,6})(;?)$/.exec(typed)
  if (hex) {
    const digits = hex[1]!
    if (digits.length < 6 && hex[2] === '') return undefined
    const rune = Number.parseInt(digits, 16)
    const none = digits === '' || rune > 0x10ffff || rune < 0x20 || (rune >= 0xd800 && rune < 0xe000)
    return none ? typed : String.fromCodePoint(rune)
  }
  table ??= make()
  const ch = table.get(typed)
  if (ch !== undefined) return ch
  for (const key of table.keys()) if (key.startsWith(typed)) return undefined
  return typed
}
