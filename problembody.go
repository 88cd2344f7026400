package bulwark

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/bulwark-go/bulwark/internal/member"
)

func init() {
	member.Attach = func(problem any, list *member.List) { problem.(*Problem).list = list }
}

// The members of RFC 9457 section 3.1 and ours, in the order that people read
// them, and in the order of encoding/json, which extensions join.
var (
	readingOrder = [...]string{"type", "title", "status", "detail", "instance", "code", "errors"}
	sortedOrder  = [...]string{"code", "detail", "errors", "instance", "status", "title", "type"}
)

// bodies keeps the memory of bodies that have been written.
var bodies = sync.Pool{New: func() any { return new(body) }}

type body struct{ text []byte }

// release keeps the memory for another body, unless it is unusually large.
func (b *body) release() {
	if cap(b.text) <= 16<<10 {
		bodies.Put(b)
	}
}

// appendBody appends the body of the answer, byte for byte as encoding/json
// writes it. It fails for a value that JSON cannot say.
func (p *Problem) appendBody(b []byte, requestID string) (_ []byte, err error) {
	order := &readingOrder
	var room [8]string
	more := p.extensions(room[:0])
	if len(more) > 0 {
		order = &sortedOrder
	}
	b = append(b, '{')
	for _, name := range order {
		for len(more) > 0 && more[0] < "type" && more[0] < name {
			if b, err = p.appendExtension(b, more[0]); err != nil {
				return nil, err
			}
			more = more[1:]
		}
		if b, err = p.appendMember(b, name, requestID); err != nil {
			return nil, err
		}
	}
	for _, name := range more {
		if b, err = p.appendExtension(b, name); err != nil {
			return nil, err
		}
	}
	b[len(b)-1] = '}' // in place of the last comma; the status is always there
	return b, nil
}

// extensions appends the names of all members that are not standard members, in
// their order.
func (p *Problem) extensions(names []string) []string {
	if p.list != nil {
		names = append(names, p.list.Name)
	}
	if len(p.Extensions) == 0 {
		return names
	}
	for name := range p.Extensions {
		if !slices.Contains(sortedOrder[:], name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// appendMember appends a standard member with a comma after it, if the problem
// has the member.
func (p *Problem) appendMember(b []byte, name, requestID string) (_ []byte, err error) {
	switch name {
	case "type":
		b = appendText(append(b, `"type":`...), p.Type)
	case "title":
		b = appendText(append(b, `"title":`...), p.Title)
	case "status":
		b = strconv.AppendInt(append(b, `"status":`...), int64(p.Status), 10)
	case "code":
		b = appendText(append(b, `"code":`...), p.Code)
	case "detail":
		if p.Detail == "" {
			return b, nil
		}
		b = appendText(append(b, `"detail":`...), p.Detail)
	case "instance":
		if requestID == "" {
			return b, nil
		}
		b = appendInstance(append(b, `"instance":`...), requestID)
	case "errors":
		if len(p.Errors) == 0 {
			return b, nil
		}
		if b, err = appendJSON(append(b, `"errors":`...), p.Errors); err != nil {
			return nil, err
		}
	}
	return append(b, ','), nil
}

// appendExtension appends another member with a comma after it.
func (p *Problem) appendExtension(b []byte, name string) (_ []byte, err error) {
	b = append(appendText(b, name), ':')
	value, own := p.Extensions[name]
	texts, list := value.([]string)
	if !own {
		texts, list = p.list.Values, true
	}
	if list && texts != nil {
		b = appendTexts(b, texts)
	} else if b, err = appendJSON(b, value); err != nil {
		return nil, err
	}
	return append(b, ','), nil
}

func appendTexts(b []byte, texts []string) []byte {
	b = append(b, '[')
	for i, text := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, text)
	}
	return append(b, ']')
}

// appendText appends a string as encoding/json does, which also escapes what a
// page would take for markup.
func appendText(b []byte, text string) []byte {
	for i := range len(text) {
		if !plain[text[i]] {
			b, _ = appendJSON(b, text) // a string never fails
			return b
		}
	}
	return append(append(append(b, '"'), text...), '"')
}

// plain are the bytes that stand for themselves.
var plain = func() (plain [256]bool) {
	for c := range byte(0x7f) {
		plain[c] = c >= ' ' && !strings.ContainsRune(`"\<>&`, rune(c))
	}
	return plain
}()

func appendJSON(b []byte, value any) ([]byte, error) {
	text, err := json.Marshal(value)
	return append(b, text...), err
}

// withOwnMembers gives p a map of its own, for a Responder that changes it.
func (p *Problem) withOwnMembers() {
	p.Extensions = maps.Clone(p.Extensions)
	if p.list == nil {
		return
	}
	if p.Extensions == nil {
		p.Extensions = map[string]any{}
	}
	if _, taken := p.Extensions[p.list.Name]; !taken {
		p.Extensions[p.list.Name] = slices.Clone(p.list.Values)
	}
	p.list = nil
}

// appendInstance appends a request id as a URN (RFC 8141). A UUID has a
// namespace of its own (RFC 9562 section 4); what a proxy chose is kept apart.
func appendInstance(b []byte, requestID string) []byte {
	if isUUID(requestID) {
		return append(append(append(b, `"urn:uuid:`...), requestID...), '"')
	}
	return appendText(b, "urn:request:"+requestID)
}

// isUUID reports whether the text has the characters of a UUID.
func isUUID(text string) bool {
	if len(text) != 36 {
		return false
	}
	hyphens := 0
	for _, c := range []byte(text) {
		switch {
		case c == '-':
			hyphens++
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		default:
			return false
		}
	}
	return hyphens == 4
}
