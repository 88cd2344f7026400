package sanitize

import (
	"cmp"
	"strings"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// pattern is one entry of Fields.
type pattern struct {
	text     string
	segments []string // not escaped; "*" stands for any
	policy   Policy
}

var unescape = strings.NewReplacer("~0", "~", "~1", "/")

// parsePattern returns the segments of a JSON pointer (RFC 6901 section 3), or
// the reason why it is refused. The empty pointer is the whole document.
func parsePattern(pointer string) (segments []string, reason string) {
	if pointer == "" {
		return nil, ""
	}
	if pointer[0] != '/' {
		return nil, "is not a JSON pointer; write it with a slash before each name, such as \"/name\" (fields of a form belong in Form, query parameters in Query)"
	}
	for segment := range strings.SplitSeq(pointer[1:], "/") {
		if strings.Contains(segment, "*") && segment != "*" {
			return nil, "has a * in part of a segment; write * as a whole segment, as in \"/items/*/note\""
		}
		for i := strings.IndexByte(segment, '~'); i >= 0; {
			if !strings.HasPrefix(segment[i:], "~0") && !strings.HasPrefix(segment[i:], "~1") {
				return nil, "has a ~ that is not an escape; write ~0 for ~ and ~1 for / (RFC 6901)"
			}
			next := strings.IndexByte(segment[i+2:], '~')
			if next < 0 {
				break
			}
			i += 2 + next
		}
		segments = append(segments, unescape.Replace(segment))
	}
	return segments, ""
}

// compare puts the more exact pattern first. That is the pattern with a name at
// the first place where only one of the two has "*".
func (p pattern) compare(q pattern) int {
	for i := range min(len(p.segments), len(q.segments)) {
		loose, other := p.segments[i] == "*", q.segments[i] == "*"
		if loose && !other {
			return 1
		}
		if other && !loose {
			return -1
		}
	}
	return cmp.Compare(len(p.segments), len(q.segments))
}

// find returns the pattern for string i of doc, or nil.
func find(patterns []pattern, doc *jsondoc.Document, i int) *pattern {
	for k := range patterns {
		if doc.Match(i, patterns[k].segments) {
			return &patterns[k]
		}
	}
	return nil
}
