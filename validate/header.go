package validate

import (
	"errors"
	"net/http"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
	"github.com/bulwark-go/bulwark/internal/schema"
)

// header reads, coerces and checks the header fields that are declared.
func (v *visit) header() error {
	p := v.m.header
	if p == nil {
		return nil
	}
	if v.namedByConnection(p) {
		p := malformed(inHeader, "Connection must not name a header field that this service reads, because a proxy removes such a field.")
		p.Err = errConnection
		return p
	}
	values := make(map[string]any, len(p.list))
	for i := range p.list {
		param := &p.list[i]
		lines := v.r.Header[param.field]
		if len(lines) == 0 {
			continue
		}
		for _, line := range lines {
			if !sound(line) {
				return malformed(inHeader, "A header field must be UTF-8 text without NUL.")
			}
		}
		if param.types == schema.Array {
			if lines = listed(lines); len(lines) > v.m.maxItems {
				return tooMany(inHeader, "items in one field", "MaxItems", v.m.maxItems)
			}
		}
		value, once := param.value(lines)
		if !once {
			v.repeated(inHeader, param.name, true)
		}
		values[param.name] = value
	}
	filled, err := v.parameters(p, values)
	if err != nil {
		return err
	}
	v.fillHeader(p, values, filled)
	raw := func(r *http.Request) string {
		var all strings.Builder
		for i := range p.list {
			for _, line := range r.Header[p.list[i].field] {
				all.WriteString(line)
				all.WriteByte('\n')
			}
			all.WriteByte(0)
		}
		return all.String()
	}
	v.checked.header = &checkedParameters{values: filled, raw: raw, text: raw(v.r)}
	return nil
}

var errConnection = errors.New("the field Connection names a header field that validate.Config.Header describes")

// namedByConnection reports whether Connection names a field that the schema
// describes. A proxy between here and the reader removes such a field (RFC 9110
// section 7.6.1), and the reader gets a request without it.
func (v *visit) namedByConnection(p *parameters) bool {
	for _, option := range listed(v.r.Header["Connection"]) {
		if _, described := p.folds[jsondoc.Fold(option)]; described {
			return true
		}
	}
	return false
}

// hopByHop are the fields that belong to one connection. A proxy does not pass
// them on, so a handler cannot rely on them.
var hopByHop = []string{"Connection", "Proxy-Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	"Proxy-Authenticate", "Proxy-Authorization"}

// listed splits a list field into its elements (RFC 9110 section 5.6.1) and
// skips empty elements.
func listed(lines []string) []string {
	var elements []string
	for _, line := range lines {
		for element := range strings.SplitSeq(line, ",") {
			if element = strings.Trim(element, " \t"); element != "" {
				elements = append(elements, element)
			}
		}
	}
	return elements
}

// headerLine writes a list as one field line.
func headerLine(texts []string) string { return strings.Join(texts, ", ") }

// fillHeader writes the defaults into the header of the request, so that a
// handler that reads the header sees the checked values.
func (v *visit) fillHeader(p *parameters, before, after map[string]any) {
	if len(before) == len(after) {
		return
	}
	h := v.r.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	for i := range p.list {
		param := &p.list[i]
		if _, present := before[param.name]; present {
			continue
		}
		if value, filled := after[param.name]; filled {
			h[param.field] = []string{headerLine(param.texts(value))}
		}
	}
	inside, scope := bulwark.Enter(v.r)
	v.r = scope.WithHeader(inside, h)
}
