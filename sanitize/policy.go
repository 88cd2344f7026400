package sanitize

// A Policy decides which characters and which markup a string may hold, and
// what happens to the rest. A Policy is [Reject], [Text], [Strict] or [UGC], or
// is made with [Custom].
//
// Each policy first normalises the string, in this order:
//
//   - Bytes that are not UTF-8 become U+FFFD.
//   - Control characters are removed, except tab, line feed and carriage
//     return. Line tabulation, form feed and NEL become a line feed, and the
//     information separators (U+001C to U+001F) become a space, so that they
//     still separate words.
//   - Bidirectional embeddings, overrides and isolates are removed.
//   - The text is brought into Unicode Normalization Form C, except CJK
//     compatibility ideographs, because people write their names with them. The
//     text is never brought into Form KC, which turns "＜script＞" into a tag.
//
// Reject refuses these bytes, control characters and bidirectional characters
// instead of changing them. It only brings the text into Form C.
type Policy interface {
	// apply returns the clean text for s, or the flaw for which the policy
	// refuses s.
	apply(s string) (clean, flaw string)
	// known reports whether the policy is complete: a Builtin of this package,
	// or a Custom policy with a function.
	known() bool
}

// Builtin is a policy of this package. The zero value is Reject.
type Builtin uint8

const (
	// Reject takes plain text and returns it. Reject refuses a string from
	// which Text would remove something. A middleware then answers 400
	// "sanitize.markup", "sanitize.control", "sanitize.bidi" or
	// "sanitize.encoding", and [String] returns the empty string. Reject is the
	// best choice for most fields, because a name with a tag is not a name.
	Reject Builtin = iota

	// Text takes plain text and returns plain text without markup. It changes
	// nothing else. Escape the result when you write it into HTML, as you
	// escape all text.
	//
	// One result alone holds no element, attribute or script, even if somebody
	// forgets to escape it or resolves its character references once. Two
	// unescaped results side by side in a page are not safe: the second may
	// close a tag that the first has left open. "count<max" and
	// " onfocus=alert(1)//>" together are an element with a script, and so are
	// "<im" and "g src=x onerror=alert(1)//>". Text keeps these strings. Only
	// escaping protects values that stand side by side.
	//
	// Text changes markup as follows:
	//
	//   - A tag of an element of HTML, SVG or MathML is removed. A tag that may
	//     be a custom element is removed if it has attributes. Comments and
	//     declarations are removed.
	//   - A block element leaves a space in its place. The elements script and
	//     style are removed with their content.
	//   - Text that may be markup is kept, and a space is put after its "<".
	//     Every reader then reads it as text: "<user-id>" becomes "< user-id>",
	//     "<!here>" becomes "< !here>", "x<y and z>0" becomes "x< y and z>0",
	//     and "&lt;script&gt;" becomes "&lt; script&gt;".
	//   - A tag that is not closed also gets this space, if its element is
	//     known or if it has an attribute with a value:
	//     "x <script" becomes "x < script", and "a<b c" becomes "a< b c".
	//   - An open "<!" or "</" that does not begin a tag also gets this space:
	//     "Ann<!:" becomes "Ann< !:".
	//
	// Text that looks like the tag of an element is removed. "List<Object>"
	// becomes "List", because HTML has an element object. "Vec<Line>" becomes
	// "Vec", because SVG has an element line. "a<b>c" becomes "ac". A space can
	// change the meaning of a program: the regular expression "(?<!a)b" becomes
	// "(?< !a)b". So do not name a field for code or formulas. Escape such a
	// field when you show it.
	//
	// These strings come back unchanged: Tom & Jerry, O'Brien, 1 < 2, a<b,
	// count<max, List<String>, Map<K, V>, Bob <bob@example.com>,
	// <https://example.com/a>, ?a=1&copy=2, line breaks, emoji with joiners,
	// and text in any script that is in Form C.
	Text

	// Strict takes HTML and returns HTML without any tag, with its text
	// escaped: "Tom & Jerry" becomes "Tom &amp; Jerry". The elements script and
	// style are removed with their content. No other text is removed. Use
	// Strict for values that a page shows without escaping them. Use Text for
	// all other values.
	Strict

	// UGC takes HTML that users write and returns the safe part of it as HTML,
	// with its text escaped.
	//
	// These elements remain: a abbr acronym area article aside b bdi bdo
	// blockquote br caption cite code col colgroup dd del details dfn div dl dt
	// em figcaption figure h1 h2 h3 h4 h5 h6 hgroup hr i img ins kbd li map
	// mark meter ol p pre progress q rp rt ruby s samp section small span
	// strike strong sub summary sup table tbody td tfoot th thead time tr tt u
	// ul var wbr. An input of type checkbox also remains, for lists of tasks,
	// and becomes disabled.
	//
	// These attributes remain if their whole value has the right form: dir, id,
	// lang and title anywhere; href and name of links; src, alt, align, height,
	// width and usemap of images; align of paragraphs, headings and tables;
	// start, reversed, type and value of lists; cite, datetime, open;
	// attributes of tables, image maps, meter and progress. Classes, styles,
	// event handlers and forms are removed. A URL remains if it is relative or
	// has the scheme http, https or mailto. A data URL is removed. Each link
	// gets rel="nofollow noreferrer noopener".
	//
	// If an element is removed, its text remains. The elements script and style
	// are removed with their content.
	UGC
)

// The flaws for which a value is refused. They are the codes of a field, and
// the code of the problem has "sanitize." before them. They are stable.
const (
	flawMarkup   = "markup"
	flawControl  = "control"
	flawBidi     = "bidi"
	flawEncoding = "encoding"
	flawLength   = "length"
	flawSpelling = "spelling"
)

// String applies the policy p to s, for use in handlers. With the policy
// Reject, String returns the empty string if Reject refuses s. A nil policy is
// Reject. If a built-in policy is applied to its own result, the result does
// not change.
//
// String does not bound the length of s, and its time grows with the length.
// Check the length before the call. UGC may take half a second for 1 MiB of
// HTML. This is a hundred times as long as Text takes for plain text.
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

// Custom returns a policy that normalises a string, as all policies do, and
// then calls clean. The function clean may be the Sanitize method of a policy
// that the application builds with a library. It must be safe for concurrent
// use. Only clean decides whether the result is safe, and whether a second call
// changes the result.
func Custom(clean func(string) string) Policy { return customPolicy{clean} }

type customPolicy struct{ clean func(string) string }

func (p customPolicy) known() bool { return p.clean != nil }

func (p customPolicy) apply(s string) (clean, flaw string) {
	if p.clean == nil {
		return Reject.apply(s)
	}
	return p.clean(normalize(s)), ""
}
