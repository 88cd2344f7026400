package sanitize_test

import "strings"

// active are the elements that the specifications index, copied from there and
// not from the package.
var active = func() map[string]bool {
	names := map[string]bool{}
	for _, index := range []string{htmlIndex, htmlObsolete, svgIndex, mathmlIndex} {
		for name := range strings.FieldsSeq(index) {
			names[strings.ToLower(name)] = true
			names[name] = true // the parser gives SVG names their capitals
		}
	}
	return names
}()

// https://html.spec.whatwg.org/multipage/indices.html#elements-3
const htmlIndex = `a abbr address area article aside audio b base bdi bdo blockquote body br button canvas caption cite code col
colgroup data datalist dd del details dfn dialog div dl dt em embed fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 head
header hgroup hr html i iframe img input ins kbd label legend li link main map mark math menu meta meter nav noscript object ol
optgroup option output p picture pre progress q rp rt ruby s samp script search section select selectedcontent slot small source
span strong style sub summary sup svg table tbody td template textarea tfoot th thead time title tr track u ul var video wbr`

// https://html.spec.whatwg.org/multipage/obsolete.html
const htmlObsolete = `applet acronym bgsound dir frame frameset noframes isindex keygen listing menuitem nextid noembed param
plaintext rb rtc strike xmp basefont big blink center font marquee multicol nobr spacer tt image`

// https://www.w3.org/TR/SVG2/eltindex.html, and
// https://www.w3.org/TR/SVG11/eltindex.html
const svgIndex = `a altGlyph altGlyphDef altGlyphItem animate animateColor animateMotion animateTransform circle clipPath
color-profile cursor defs desc discard ellipse feBlend feColorMatrix feComponentTransfer feComposite feConvolveMatrix
feDiffuseLighting feDisplacementMap feDistantLight feDropShadow feFlood feFuncA feFuncB feFuncG feFuncR feGaussianBlur feImage
feMerge feMergeNode feMorphology feOffset fePointLight feSpecularLighting feSpotLight feTile feTurbulence filter font font-face
font-face-format font-face-name font-face-src font-face-uri foreignObject g glyph glyphRef hkern image line linearGradient marker
mask metadata missing-glyph mpath path pattern polygon polyline radialGradient rect script set stop style svg switch symbol text
textPath title tref tspan unknown use view vkern`

// https://www.w3.org/TR/mathml-core/, and the presentation elements of
// https://www.w3.org/TR/MathML3/appendixi.html
const mathmlIndex = `annotation annotation-xml maction maligngroup malignmark math menclose merror mfenced mfrac mglyph mi mlabeledtr
mlongdiv mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mscarries mscarry msgroup msline mspace msqrt msrow
mstack mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none semantics`

// https://html.spec.whatwg.org/multipage/dom.html#global-attributes
var globalAttributes = strings.Fields(`accesskey autocapitalize autocorrect autofocus class contenteditable dir draggable enterkeyhint
exportparts headingoffset headingreset hidden id inert inputmode is itemid itemprop itemref itemscope itemtype lang nonce part popover
slot spellcheck style tabindex title translate writingsuggestions`)
