package sanitize

import "strings"

// elements holds the names, in lower case, that have a meaning to a browser. A
// tag of any other name is inert.
//
// Content MathML (<list>, <int>, <vector>, …) is left out on purpose. No
// browser implements it, and MathML Core does not have it. Its words are those
// of the programs and formulas that people write about.
var elements = set(
	// HTML, the living standard.
	`a abbr address area article aside audio b base bdi bdo blockquote body br button canvas caption cite code col colgroup data
	datalist dd del details dfn dialog div dl dt em embed fencedframe fieldset figcaption figure footer form geolocation h1 h2 h3 h4
	h5 h6 head header hgroup hr html i iframe img input ins kbd label legend li link main map mark menu meta meter nav noscript
	object ol optgroup option output p permission picture portal pre progress q rp rt ruby s samp script search section select
	selectedcontent slot small source span strong style sub summary sup table tbody td template textarea tfoot th thead time title
	tr track u ul var video wbr`,
	// HTML, obsolete, and names that some browser has once understood.
	`acronym applet basefont bgsound big blink center command content dir element font frame frameset image ilayer isindex keygen
	layer listing marquee menuitem multicol nextid nobr noembed noframes nolayer nostyle param plaintext rb rtc server shadow spacer
	strike tt xml xmp xss`,
	// SVG 1.1, SVG 2 and SVG Tiny 1.2.
	`altglyph altglyphdef altglyphitem animate animatecolor animatemotion animatetransform animation circle clippath color-profile
	cursor defs desc discard ellipse feblend fecolormatrix fecomponenttransfer fecomposite feconvolvematrix fediffuselighting
	fedisplacementmap fedistantlight fedropshadow feflood fefunca fefuncb fefuncg fefuncr fegaussianblur feimage femerge femergenode
	femorphology feoffset fepointlight fespecularlighting fespotlight fetile feturbulence filter font-face font-face-format
	font-face-name font-face-src font-face-uri foreignobject g glyph glyphref handler hatch hatchpath hkern line lineargradient
	listener marker mask mesh meshgradient meshpatch meshrow metadata missing-glyph mpath path pattern polygon polyline prefetch
	radialgradient rect set solidcolor stop svg switch symbol tbreak text textpath tref tspan unknown use view vkern`,
	// MathML: presentation, and the elements that hold annotations.
	`annotation annotation-xml maction maligngroup malignmark math menclose merror mfenced mfrac mfraction mglyph mi mlabeledtr
	mlongdiv mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mscarries mscarry msgroup msline mspace msqrt msrow
	mstack mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none semantics`,
)

// blocks holds the elements that separate the text before them from the text
// behind them, so that a space must take their place.
var blocks = set(
	`address article aside blockquote body br caption center dd details dialog dir div dl dt fieldset figcaption figure footer form
	frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html iframe legend li listing main menu nav noframes ol optgroup option p
	plaintext pre search section select summary table tbody td textarea tfoot th thead title tr ul xmp`,
)

func set(lists ...string) map[string]bool {
	names := make(map[string]bool)
	for _, list := range lists {
		for name := range strings.FieldsSeq(list) {
			names[name] = true
		}
	}
	return names
}

// longest bounds the names that are looked up: no element has a longer one.
const longest = 24

// lower returns a name in lower case as the HTML standard has it: ASCII letters
// only. Some readers fold letters of other alphabets into ASCII (İ, K), but a
// name with such a letter is not the name of an element.
func lower(name string) string {
	for i := 0; i < len(name); i++ {
		if c := name[i]; c >= 'A' && c <= 'Z' {
			out := []byte(name)
			for ; i < len(out); i++ {
				if out[i] >= 'A' && out[i] <= 'Z' {
					out[i] += 'a' - 'A'
				}
			}
			return string(out)
		}
	}
	return name
}

// meaningful reports whether a tag of this name may do something. It does so
// for an element, for an element behind a namespace prefix as XML writes it,
// and for a possible custom element, whose behaviour the page defines.
func meaningful(name string) bool { return custom(name) || element(name) }

// element reports whether name is that of an element, with a namespace prefix
// or without.
func element(name string) bool {
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		name = name[i+1:]
	}
	return len(name) <= longest && elements[lower(name)]
}

// custom reports whether name may be that of a custom element: it has a hyphen
// in it, and is not an e-mail address.
func custom(name string) bool {
	return strings.IndexByte(name, '-') >= 0 && strings.IndexByte(name, '@') < 0
}

func isLetter(c byte) bool {
	c |= 0x20
	return c >= 'a' && c <= 'z'
}
