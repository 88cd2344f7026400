package audit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/zaplog"
	"github.com/bulwark-go/bulwark/internal/race"
)

// A format is one way to write a log, and to read it back.
type format struct {
	name string
	sink func(*bytes.Buffer) slog.Handler
	read func(line string) (map[string]string, error)
}

var formats = []format{
	{"slog_json", func(out *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(out, nil) }, readJSON},
	{"slog_text", func(out *bytes.Buffer) slog.Handler { return slog.NewTextHandler(out, nil) }, readText},
	{"zap_json", func(out *bytes.Buffer) slog.Handler {
		return zapSink(out, zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()))
	}, readJSON},
	{"zap_console", func(out *bytes.Buffer) slog.Handler {
		return zapSink(out, zapcore.NewConsoleEncoder(zap.NewProductionEncoderConfig()))
	}, readConsole},
}

func zapSink(out *bytes.Buffer, encoder zapcore.Encoder) slog.Handler {
	return zaplog.New(zap.New(zapcore.NewCore(encoder, zapcore.AddSync(out), zapcore.DebugLevel)))
}

// readJSON reads one object. Groups become keys with dots, as in slog's text.
func readJSON(line string) (map[string]string, error) {
	var object map[string]any
	if err := json.Unmarshal([]byte(line), &object); err != nil {
		return nil, err
	}
	values := map[string]string{}
	var flatten func(prefix string, object map[string]any)
	flatten = func(prefix string, object map[string]any) {
		for key, value := range object {
			if group, ok := value.(map[string]any); ok {
				flatten(prefix+key+".", group)
				continue
			}
			values[prefix+key] = fmt.Sprint(value)
		}
	}
	flatten("", object)
	return values, nil
}

// readText reads key=value pairs, of which either may be quoted.
func readText(line string) (map[string]string, error) {
	values := map[string]string{}
	word := func(end byte) (string, error) {
		if strings.HasPrefix(line, `"`) {
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return "", err
			}
			line = line[len(quoted):]
			return strconv.Unquote(quoted)
		}
		i := strings.IndexByte(line, end)
		if i < 0 {
			i = len(line)
		}
		plain := line[:i]
		line = line[i:]
		return plain, nil
	}
	for line != "" {
		key, err := word('=')
		if err != nil || !strings.HasPrefix(line, "=") {
			return nil, fmt.Errorf("no value at %q (%v)", line, err)
		}
		line = line[1:]
		value, err := word(' ')
		if err != nil {
			return nil, err
		}
		if _, twice := values[key]; twice {
			return nil, fmt.Errorf("%q twice", key)
		}
		values[key] = value
		if line != "" && line[0] != ' ' {
			return nil, fmt.Errorf("no space at %q", line)
		}
		line = strings.TrimPrefix(line, " ")
	}
	return values, nil
}

// readConsole reads time, level and message, and the fields as JSON.
func readConsole(line string) (map[string]string, error) {
	parts := strings.Split(line, "\t")
	if len(parts) != 4 {
		return nil, fmt.Errorf("%d columns", len(parts))
	}
	return readJSON(parts[3])
}

// hostile returns one text for each character that shows nothing or moves
// others, for each byte that is not UTF-8, and for each escape that somebody
// could type in place of one of these.
func hostile() []string {
	var texts []string
	for c := rune(0); c <= unicode.MaxRune; c++ {
		switch {
		case c >= 0xd800 && c < 0xe000:
		case unicode.IsControl(c), c == '\u2028', c == '\u2029',
			unicode.In(c, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Noncharacter_Code_Point):
			texts = append(texts, string(c))
			if c > 0xe0fff || c >= 0xe0200 && c&0xff != 0 { // thousands that are alike
				continue
			}
			for _, typed := range []string{`\x%02x`, `\u%04x`, `\U%08x`, `\\u%04x`} {
				texts = append(texts, fmt.Sprintf(typed, c))
			}
		}
	}
	for b := 0x80; b <= 0xff; b++ {
		texts = append(texts, string([]byte{byte(b)}))
	}
	return append(texts, "\xed\xa0\x80", "\xed\xbf\xbf", "\xc0\xaf", "\xf4\x90\x80\x80", `\`, `\\`, `\\\`, `"`, `\"`, `'`, "=", " ", "\t", "\r\n",
		"a=b", `" reason="forged`, `","reason":"forged`, "\n2026-01-01T00:00:00Z\tinfo\tsecurity event\t{}", "{}", "null", "[redacted]")
}

// One record in is one record out, in every format with the same values, and no
// text can be typed that another text becomes.
func TestEscapesOfEveryCharacter(t *testing.T) {
	texts := hostile()
	if race.Enabled { // the characters are not what it looks at
		texts = texts[:300]
	}
	outs := make([]*bytes.Buffer, len(formats))
	c := audit.Config{AccessLog: true, AccessQuery: []string{"q"}, AccessHeaders: []string{"X-Text"}, MaxOneByOne: 10_000, MaxPerCaller: 10_000, MaxPrefixes: 1 << 16, MaxAccessQueue: 1 << 16, MaxSecurityQueue: 1 << 16}
	for i, format := range formats {
		outs[i] = new(bytes.Buffer)
		c.Sinks = append(c.Sinks, format.sink(outs[i]))
	}
	m := build(t, c)
	for i, text := range texts {
		h := m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			bulwark.Report(r, bulwark.Event{Name: bulwark.AuthzAdmin, UserID: text, Reason: text, Rule: text, Attrs: [4]slog.Attr{slog.String("text", text)}})
		}))
		r := request("GET", "/")
		r.URL.Path = "/" + text
		r.Header["X-Text"] = []string{text}
		h.ServeHTTP(httptest.NewRecorder(), r)
		if i%500 == 0 {
			drain(t, m)
		}
	}
	drain(t, m)

	// The events and the access records each come in their order.
	var events, accesses [][]map[string]string // by format
	for i, format := range formats {
		byType := map[string][]map[string]string{}
		lines := strings.Split(strings.TrimSuffix(outs[i].String(), "\n"), "\n")
		for _, line := range lines {
			shown := line
			if format.name == "zap_console" {
				shown = strings.ReplaceAll(line, "\t", "") // its own separator
			}
			if !clean(shown) {
				t.Fatalf("%s: %q", format.name, line)
			}
			record, err := format.read(line)
			if err != nil {
				t.Fatalf("%s: %v in %q", format.name, err, line)
			}
			for _, own := range []string{"time", "level", "msg", "ts", "logger"} {
				delete(record, own)
			}
			byType[record["type"]] = append(byType[record["type"]], record)
		}
		events, accesses = append(events, byType["security"]), append(accesses, byType["access"])
		if len(lines) != 2*len(texts) || len(events[i]) != len(texts) || len(accesses[i]) != len(texts) {
			t.Fatalf("%s: %d lines, %d events and %d access records of %d requests", format.name, len(lines), len(events[i]), len(accesses[i]), len(texts))
		}
		for n := range texts {
			if !maps.Equal(events[0][n], events[i][n]) || !maps.Equal(accesses[0][n], accesses[i][n]) {
				t.Fatalf("%s has %q and %q, %s has %q and %q", formats[0].name, events[0][n], accesses[0][n], format.name, events[i][n], accesses[i][n])
			}
		}
	}
	came := map[string]string{}
	for n, event := range events[0] {
		access := accesses[0][n]
		became := event["reason"]
		for place, got := range map[string]string{
			"userId": event["userId"], "rule": event["rule"], "path": strings.TrimPrefix(event["path"], "/"), "access path": strings.TrimPrefix(access["path"], "/"),
		} {
			if got != became {
				t.Errorf("%q is %q as %s, and %q as reason", texts[n], got, place, became)
			}
		}
		if before, twice := came[became]; twice && before != texts[n] {
			t.Errorf("%q and %q both become %q", before, texts[n], became)
		}
		came[became] = texts[n]
		if plain := texts[n]; clean(plain) && utf8.ValidString(plain) && !strings.Contains(plain, `\`) && became != plain {
			t.Errorf("%q becomes %q", plain, became)
		}
	}
}
