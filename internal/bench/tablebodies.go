package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
	"github.com/bulwark-go/bulwark/sanitize"
	"github.com/bulwark-go/bulwark/validate"
	"github.com/microcosm-cc/bluemonday"
)

// userSchema describes a user of 13 properties, two of which have defaults.
const userSchema = `{
	"type": "object",
	"required": ["id", "email", "name", "created_at"],
	"properties": {
		"id": {"type": "string", "format": "uuid"},
		"email": {"type": "string", "format": "email", "maxLength": 254},
		"name": {"type": "string", "minLength": 1, "maxLength": 100},
		"role": {"enum": ["user", "moderator"], "default": "user"},
		"age": {"type": "integer", "minimum": 13, "maximum": 150},
		"website": {"type": "string", "format": "uri"},
		"created_at": {"type": "string", "format": "date-time"},
		"bio": {"type": "string", "maxLength": 2000},
		"newsletter": {"type": "boolean", "default": false},
		"score": {"type": "number", "minimum": 0},
		"tags": {"type": "array", "maxItems": 10, "items": {"type": "string", "pattern": "^[a-z-]+$"}},
		"address": {
			"type": "object",
			"required": ["street", "city"],
			"properties": {
				"street": {"type": "string", "maxLength": 200},
				"city": {"type": "string", "maxLength": 100},
				"zip": {"type": "string", "pattern": "^[0-9]{5}$"},
				"country": {"type": "string", "minLength": 2, "maxLength": 2}
			}
		},
		"last_ip": {"type": "string", "format": "ipv4"}
	}
}`

// user is one in 1 KB.
var user = `{
	"id": "6f1e6d0a-3c1b-4f6e-9f57-5b8a2d1c7e90",
	"email": "ann.example@mail.example.com",
	"name": "Ann Example",
	"age": 34,
	"website": "https://www.example.com/people/ann?tab=about",
	"created_at": "2026-02-11T08:30:00.535Z",
	"bio": "` + strings.Repeat("Down the rabbit hole and back again. ", 14) + `",
	"score": 12.5,
	"tags": ["go", "security", "open-source"],
	"address": {"street": "1 Main Street", "city": "Springfield", "zip": "12345", "country": "US"},
	"last_ip": "192.0.2.17"
}`

func userLoad() Workload {
	return Workload{Name: "user", Method: "POST", Path: "/users", Body: user}
}

// validateTable measures reading, decoding, defaults and validation.
func validateTable() Table {
	const ours, theirs = "bulwark validate, whole middleware", "encoding/json and jsonschema v5, without defaults"
	return Table{
		Name: "Validation: a user of 1 KB and 13 properties, formats asserted", Ours: ours,
		Note: "Net of a handler without layers. Ours reads the body from the request and applies defaults; the peer has the bytes and does not.",
		Cases: []Case{
			bare(),
			handled(ours, bareName, func() (http.Handler, error) { return wrapped(validate.Config{Body: validate.SchemaJSON(userSchema)}) }, userLoad()),
			plain(theirs, "", func() (func(), error) {
				schema, err := compilePeer(userSchema)
				return func() {
					decoder := json.NewDecoder(strings.NewReader(user))
					decoder.UseNumber()
					var v any
					if decoder.Decode(&v) != nil || schema.Validate(v) != nil {
						panic("refused")
					}
				}, err
			}),
		},
		Musts: []Must{
			ratio("≤ 1/3 of decoding and jsonschema v5", ours, theirs, 1.0/3),
			allocs("≤ 80 allocations", ours, "", 80),
		},
	}
}

// jsonTable measures the decoder alone.
func jsonTable() Table {
	const ours, theirs = "bulwark jsondoc", "encoding/json with UseNumber"
	return Table{
		Name: "JSON: decoding 1 KB", Ours: ours,
		Cases: []Case{
			plain(ours, "", func() (func(), error) {
				text := []byte(user)
				return func() {
					if _, err := jsondoc.Decode(text, jsondoc.Limits{}); err != nil {
						panic(err)
					}
				}, nil
			}),
			plain(theirs, "", func() (func(), error) {
				text := []byte(user)
				return func() {
					decoder := json.NewDecoder(bytes.NewReader(text))
					decoder.UseNumber()
					var v any
					if err := decoder.Decode(&v); err != nil {
						panic(err)
					}
				}, nil
			}),
		},
		Musts: []Must{
			ratio("≥ 2× faster", ours, theirs, 0.5),
			allocs("≤ 60 allocations", ours, "", 60),
		},
	}
}

// clean100 is plain text of 100 bytes; page1K is a page of about 1 KB as a user
// writes it.
var (
	clean100 = "Alice's caterpillar sat on a mushroom, quietly smoking a long hookah: 3 > 2, he said, and so it was.."
	page1K   = strings.Repeat(`<h2>Title</h2><p>Some <b>bold</b> and <i>italic</i> text with <a href="https://example.com/a?b=c&amp;d=e">a link</a>`+
		` &amp; an <img src="/a.png" alt="image" onerror="alert(1)"> and <script>alert(1)</script> more.</p><ul><li>x</li></ul>`, 4)
)

func textTable() Table {
	const ours, theirs = "bulwark sanitize.Text", "bluemonday StrictPolicy"
	return Table{
		Name: "Sanitizing: 100 bytes of plain text", Ours: ours,
		Cases: []Case{
			plain(ours, "", func() (func(), error) { return func() { sanitize.String(sanitize.Text, clean100) }, nil }),
			plain(theirs, "", func() (func(), error) {
				p := bluemonday.StrictPolicy()
				return func() { p.Sanitize(clean100) }, nil
			}),
		},
		Musts: []Must{
			within("≤ 50 ns", ours, 50*time.Nanosecond),
			allocs("no allocation", ours, "", 0),
		},
	}
}

func htmlTable() Table {
	const ours, theirs = "bulwark sanitize.UGC", "bluemonday UGCPolicy"
	return Table{
		Name: "Sanitizing: 1 KB of HTML", Ours: ours,
		Cases: []Case{
			plain(ours, "", func() (func(), error) { return func() { sanitize.String(sanitize.UGC, page1K) }, nil }),
			plain(theirs, "", func() (func(), error) {
				p := bluemonday.UGCPolicy()
				return func() { p.Sanitize(page1K) }, nil
			}),
		},
		Musts: []Must{ratio("≤ 1.1× bluemonday", ours, theirs, 1.1)},
	}
}

// sharedTable measures what sanitizing adds to a body that another layer
// decodes anyway.
func sharedTable() Table {
	const ours = "bulwark sanitize, five fields of a clean body of 1 KB"
	return Table{
		Name: "Sanitizing: on top of a shared decode",
		Cases: []Case{plain(ours, "", func() (func(), error) {
			layer, err := sanitize.New(sanitize.Config{Fields: sanitize.Fields{"/name": sanitize.Text, "/bio": sanitize.Text,
				"/website": sanitize.Reject, "/address/street": sanitize.Text, "/address/city": sanitize.Text}})
			if err != nil {
				return nil, err
			}
			r, err := http.NewRequest("POST", "https://"+host+"/users", io.NopCloser(strings.NewReader(user)))
			if err != nil {
				return nil, err
			}
			r.Header.Set("Content-Type", "application/json")
			if r, _, err = body.Read(nil, r, body.Limits{}); err != nil {
				return nil, errors.Join(errors.New("reading the body"), err)
			}
			return func() {
				if _, err := layer.Clean(r); err != nil {
					panic(err)
				}
			}, nil
		})},
		Musts: []Must{within("≤ 2 µs", ours, 2*time.Microsecond)},
	}
}
