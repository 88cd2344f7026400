package sanitize

// A Policy says what a string may hold and what becomes of the rest: one of
// [Reject], [Text], [Strict] and [UGC], or a [Custom] one.
//
// Each policy normalises first, in this order: bytes that are not UTF-8 become
// U+FFFD; control characters but tab, line feed and carriage return, and the
// bidirectional embeddings, overrides and isolates are removed; the rest is
// brought into Unicode Normalization Form C. Never into NFKC, which turns
// "＜script＞" into a tag.
type Policy interface {
	// apply returns what the policy makes of s, or the flaw for which it
	// refuses s.
	apply(s string) (clean, flaw string)
	// known reports whether the policy is one.
	known() bool
}

// Builtin is a policy of this package. The zero value is Reject.
type Builtin uint8

const (
	// Reject takes plain text and refuses, instead of editing, what Text would
	// take out of it: a middleware answers 400 "sanitize.markup",
	// "sanitize.control", "sanitize.bidi" or "sanitize.encoding", and [String]
	// returns the empty string. It is the best choice for most fields: a name
	// with a tag in it is no name.
	Reject Builtin = iota

	// Text takes plain text and returns plain text, without markup and
	// otherwise unchanged. Escape the result where it is put into HTML, as with
	// all text; if somebody forgets to, or resolves its character references
	// once, there is no element, attribute or script in it. That holds for one
	// value alone. Where two stand side by side in a page and neither is
	// escaped, the second may end what the first has left open: "count<max" and
	// " onfocus=alert(1)//>" are an element with a script together, and so are
	// "<im" and "g src=x onerror=alert(1)//>". Text keeps such words, so only
	// escaping covers values placed side by side.
	//
	// A tag of an element that HTML, SVG or MathML has, or that may be a custom
	// element, is removed, and so are comments and declarations. In place of a
	// block element stands a space, and the content of script and style goes
	// with them. What only may be markup is kept, and a space behind its "<"
	// makes text of it: "x<y and z>0" becomes "x< y and z>0", "&lt;script&gt;"
	// becomes "&lt; script&gt;". So does an open tag of such an element, or
	// with a value in it, and an open "<!" or "</" that begins none: "x
	// <script" becomes "x < script", "Ann<!:" becomes "Ann< !:".
	//
	// What looks like such a tag is taken for one. "List<Object>" becomes
	// "List" and "Vec<Line>" "Vec", as HTML has an object and SVG a line;
	// "<urn:a-b>" goes as a custom element, and "a<b>c" becomes "ac". A field
	// for code or formulas wants no policy of this package: leave it unnamed,
	// and escape it.
	//
	// These come back as they were: Tom & Jerry, O'Brien, 1 < 2, a<b,
	// count<max, List<String>, Bob <bob@example.com>, ?a=1&copy=2, line breaks,
	// emoji with joiners, text in any script.
	Text

	// Strict takes HTML and returns HTML without any tag, its text escaped:
	// "Tom & Jerry" becomes "Tom &amp; Jerry". It is for values that are put
	// into HTML as they are. For anything else choose Text.
	Strict

	// UGC takes HTML that users write and returns the safe part of it as HTML,
	// its text escaped.
	//
	// These elements remain: a abbr acronym area article aside b bdi bdo
	// blockquote br caption cite code col colgroup dd del details dfn div dl dt
	// em figcaption figure h1 h2 h3 h4 h5 h6 hgroup hr i img ins li map mark
	// meter ol p pre progress q rp rt ruby s samp section small span strike
	// strong sub summary sup table tbody td tfoot th thead time tr tt u ul var
	// wbr.
	//
	// These attributes remain, where their values have the right form: dir, id,
	// lang and title anywhere; href of links; src, alt, align, height, width
	// and usemap of images; cite, datetime, open, type, value; those of tables,
	// image maps, meter and progress. No class, no style, no event handler, no
	// form. URLs are relative or have the scheme http, https or mailto; a data
	// URL is none of them. Each link gets rel="nofollow noreferrer noopener".
	// The content of script, style, iframe, noscript, object and title goes
	// with them.
	UGC
)

// The flaws for which a value is refused, as codes of a field and behind
// "sanitize." of the problem. They are stable.
const (
	flawMarkup   = "markup"
	flawControl  = "control"
	flawBidi     = "bidi"
	flawEncoding = "encoding"
	flawLength   = "length"
	flawSpelling = "spelling"
)

// String returns what the policy p makes of s, for use in handlers. It returns
// the empty string for what Reject refuses, and a nil policy is Reject. The
// result of a built-in policy is left alone by a second call. The time taken
// grows with the length of s, which is the caller's to bound.
func String(p Policy, s string) string {
	if p == nil {
		p = Reject
	}
	clean, _ := p.apply(s)
	return clean
}

func (p Builtin) known() bool { return p <= UGC }

func (p Builtin) apply(s string) (clean, flaw string) {
	all := classes(s)
	switch p {
	case Text:
		return text(s, all), ""
	case Strict:
		return markupOf(strictPolicy, s, all), ""
	case UGC:
		return markupOf(ugcPolicy, s, all), ""
	}
	return reject(s, all)
}

// text is the policy Text.
func text(s string, all byte) string {
	if all&unusual != 0 {
		s = normalize(s)
	}
	if all&tagLike != 0 {
		s = stripMarkup(s)
	}
	return s
}

// reject is the policy Reject.
func reject(s string, all byte) (clean, found string) {
	if all&unusual != 0 {
		if found = flaw(s); found != "" {
			return "", found
		}
		s = normalize(s)
	}
	if all&tagLike != 0 && stripMarkup(s) != s {
		return "", flawMarkup
	}
	return s, ""
}

// Custom returns a policy that normalises as all policies do and then calls
// clean, which may be the Sanitize method of a policy that the application
// builds with a library. Whether its result is safe, and stays as it is when it
// is cleaned again, is for clean to see to. It must be safe for concurrent use.
func Custom(clean func(string) string) Policy { return customPolicy{clean} }

type customPolicy struct{ clean func(string) string }

func (p customPolicy) known() bool { return p.clean != nil }

func (p customPolicy) apply(s string) (clean, flaw string) {
	if p.clean == nil {
		return Reject.apply(s)
	}
	return p.clean(normalize(s)), ""
}
