package validate_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/race"
	"github.com/bulwark-go/bulwark/validate"
)

// kilobyteSchema and kilobyteUser are a user of 13 properties in 1 KB, two of
// which are left to their defaults.
const kilobyteSchema = `{
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

var kilobyteUser = `{
	"id": "6f1e6d0a-3c1b-4f6e-9f57-5b8a2d1c7e90",
	"email": "ann.example@mail.example.com",
	"name": "Ann Éxample",
	"age": 34,
	"website": "https://www.example.com/people/ann?tab=about",
	"created_at": "2025-03-14T15:09:26.535Z",
	"bio": "` + strings.Repeat("Lorem ipsum dolor sit amet, consetetur. ", 13) + `",
	"score": 12.5,
	"tags": ["go", "security", "open-source"],
	"address": {"street": "1 Main Street", "city": "Springfield", "zip": "12345", "country": "US"},
	"last_ip": "192.0.2.17"
}`

// replay is a request whose body can be read again and again.
type replay struct {
	r    *http.Request
	body *bytes.Reader
}

func newReplay(text string) *replay {
	p := &replay{body: bytes.NewReader([]byte(text))}
	p.r = httptest.NewRequest("POST", "/users", p.body)
	p.r.Header.Set("Content-Type", "application/json")
	return p
}

func (p *replay) request() *http.Request {
	p.body.Seek(0, io.SeekStart)
	p.r.Body = io.NopCloser(p.body)
	return p.r
}

func TestAllocationsOfAUser(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	m := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(kilobyteSchema)}))
	replay := newReplay(kilobyteUser)
	allocs := testing.AllocsPerRun(200, func() {
		if _, err := m.Check(replay.request()); err != nil {
			t.Fatal(err)
		}
	})
	t.Logf("%d bytes: %.0f allocations for reading, decoding, defaults and validation", len(kilobyteUser), allocs)
	if allocs > 80 {
		t.Errorf("%.0f allocations, at most 80 are allowed", allocs)
	}
}

func BenchmarkUser(b *testing.B) {
	b.Run("Check", func(b *testing.B) {
		m := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(kilobyteSchema)}))
		replay := newReplay(kilobyteUser)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := m.Check(replay.request()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Refusal", func(b *testing.B) {
		m := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(kilobyteSchema)}))
		replay := newReplay(strings.Replace(kilobyteUser, "ann.example@", "", 1))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := m.Check(replay.request()); err == nil {
				b.Fatal("passed")
			}
		}
	})
	b.Run("Library", func(b *testing.B) {
		compiler := jsonschema.NewCompiler()
		compiler.AssertFormat = true
		if err := compiler.AddResource("schema:///user.json", strings.NewReader(kilobyteSchema)); err != nil {
			b.Fatal(err)
		}
		s, err := compiler.Compile("schema:///user.json")
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			decoder := json.NewDecoder(strings.NewReader(kilobyteUser))
			decoder.UseNumber()
			var v any
			if err := decoder.Decode(&v); err != nil {
				b.Fatal(err)
			}
			if err := s.Validate(v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
