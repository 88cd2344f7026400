package zaplog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/zaplog"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// encoding names the standard keys as slogtest wants them.
func encoding() zapcore.EncoderConfig {
	c := zap.NewProductionEncoderConfig()
	c.TimeKey, c.LevelKey, c.MessageKey, c.NameKey, c.StacktraceKey = slog.TimeKey, slog.LevelKey, slog.MessageKey, "logger", "stacktrace"
	return c
}

func core(out *bytes.Buffer, level zapcore.Level) zapcore.Core {
	return zapcore.NewCore(zapcore.NewJSONEncoder(encoding()), zapcore.AddSync(out), level)
}

func lines(t testing.TB, out *bytes.Buffer) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(out.String()) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		all = append(all, record)
	}
	return all
}

func TestHandler(t *testing.T) {
	var out bytes.Buffer
	slogtest.Run(t,
		func(*testing.T) slog.Handler {
			out.Reset()
			return zaplog.New(zap.New(core(&out, zapcore.DebugLevel)))
		},
		func(t *testing.T) map[string]any { return lines(t, &out)[0] })
}

// The console encoder writes time, level and message in columns of their own.
func TestHandlerOnTheConsole(t *testing.T) {
	var out bytes.Buffer
	slogtest.Run(t,
		func(*testing.T) slog.Handler {
			out.Reset()
			return zaplog.New(zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(encoding()), zapcore.AddSync(&out), zapcore.DebugLevel)))
		},
		func(t *testing.T) map[string]any {
			columns := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\t")
			record := map[string]any{}
			for i, key := range []string{slog.TimeKey, slog.LevelKey, slog.MessageKey} {
				// A record without time has no column for it.
				if i == 0 && !strings.HasPrefix(columns[0], "2") && !strings.Contains(columns[0], "e+") {
					continue
				}
				record[key], columns = columns[0], columns[1:]
			}
			if len(columns) > 0 {
				if err := json.Unmarshal([]byte(columns[0]), &record); err != nil {
					t.Fatalf("%v in %q", err, out.String())
				}
			}
			return record
		})
}

func TestLevels(t *testing.T) {
	for _, test := range []struct {
		level    slog.Level
		name     string
		severity any
	}{
		{slog.LevelDebug, "debug", nil},
		{slog.LevelInfo, "info", nil},
		{slog.LevelInfo + 2, "info", "INFO+2"},
		{slog.LevelWarn, "warn", nil},
		{slog.LevelError, "error", nil},
		{slog.LevelError + 4, "error", "ERROR+4"},
		{slog.LevelError + 1000, "error", "ERROR+1000"},
		{slog.LevelDebug - 4, "debug", "DEBUG-4"},
	} {
		t.Run(test.level.String(), func(t *testing.T) {
			var out bytes.Buffer
			// With options that would add what an audit log must not have.
			logger := slog.New(zaplog.New(zap.New(core(&out, zapcore.DebugLevel), zap.AddCaller(), zap.AddStacktrace(zapcore.DebugLevel))))
			logger.With("a", 1).WithGroup("g").Log(t.Context(), test.level, "message", "b", 2)
			got := lines(t, &out)
			if len(got) != 1 || got[0]["level"] != test.name || got[0]["severity"] != test.severity || got[0]["a"] != 1.0 {
				t.Fatalf("%s", &out)
			}
			if group, _ := got[0]["g"].(map[string]any); len(group) != 1 || group["b"] != 2.0 {
				t.Errorf("%s", &out)
			}
			if got[0]["stacktrace"] != nil || got[0]["caller"] != nil {
				t.Errorf("%s", &out)
			}
		})
	}
}

func TestEnabled(t *testing.T) {
	var out bytes.Buffer
	h := zaplog.New(zap.New(core(&out, zapcore.WarnLevel)))
	for level, want := range map[slog.Level]bool{slog.LevelDebug: false, slog.LevelInfo: false, slog.LevelWarn: true, slog.LevelError + 4: true} {
		if h.Enabled(t.Context(), level) != want {
			t.Errorf("%v enabled %v", level, !want)
		}
	}
	slog.New(h).Info("quiet")
	if out.Len() != 0 {
		t.Errorf("%s", &out)
	}
}

// zap's production configuration writes 100 records of one message a second,
// and one of 100 thereafter.
func TestSamplingDoesNotLoseRecords(t *testing.T) {
	for _, name := range []string{"sampled", "sampled_with_fields"} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			logger := zap.New(zapcore.NewSamplerWithOptions(core(&out, zapcore.DebugLevel), time.Minute, 1, 0))
			if name == "sampled_with_fields" {
				logger = logger.With(zap.String("service", "documents")).Named("audit")
			}
			h := zaplog.New(logger).WithAttrs([]slog.Attr{slog.String("k", "v")})
			for i := range 50 {
				slog.New(h).Warn("security event", "i", i)
			}
			got := lines(t, &out)
			if len(got) != 50 {
				t.Fatalf("%d of 50 records", len(got))
			}
			for i, record := range got {
				if record["i"] != float64(i) || record["k"] != "v" {
					t.Errorf("%v", record)
				}
				if name == "sampled_with_fields" && (record["service"] != "documents" || record["logger"] != "audit") {
					t.Errorf("%v", record)
				}
			}
		})
	}
}

// Each core behind a tee keeps its level, unless nobody would write.
func TestTee(t *testing.T) {
	var warn, bad bytes.Buffer
	h := zaplog.New(zap.New(zapcore.NewTee(core(&warn, zapcore.WarnLevel), core(&bad, zapcore.ErrorLevel))))
	slog.New(h).Warn("warning")
	slog.New(h).Error("error")
	if len(lines(t, &warn)) != 2 || len(lines(t, &bad)) != 1 {
		t.Errorf("%s and %s", &warn, &bad)
	}
	record := slog.NewRecord(time.Now(), slog.LevelInfo, "whatever the level", 0)
	if err := h.Handle(t.Context(), record); err != nil {
		t.Error(err)
	}
	if len(lines(t, &warn)) != 3 || len(lines(t, &bad)) != 2 {
		t.Errorf("%s and %s", &warn, &bad)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }
func (full) Sync() error               { return nil }

func TestErrorsOfTheSinkAreReturned(t *testing.T) {
	broken := zapcore.NewCore(zapcore.NewJSONEncoder(encoding()), full{}, zapcore.InfoLevel)
	for name, logger := range map[string]*zap.Logger{
		"plain":   zap.New(broken),
		"tee":     zap.New(zapcore.NewTee(core(new(bytes.Buffer), zapcore.InfoLevel), broken)),
		"sampled": zap.New(zapcore.NewSamplerWithOptions(broken, time.Minute, 0, 0)),
		"none":    nil,
	} {
		t.Run(name, func(t *testing.T) {
			h := zaplog.New(logger).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 1)})
			if !h.Enabled(t.Context(), slog.LevelError) {
				t.Error("not enabled")
			}
			record := slog.NewRecord(time.Now(), slog.LevelError, "security event", 0)
			err := h.Handle(t.Context(), record)
			if err == nil || logger != nil && !strings.Contains(err.Error(), "disk full") {
				t.Errorf("%v", err)
			}
		})
	}
}

// zapslog ignores the context; the ids of the request are kept.
func TestTraceIsKept(t *testing.T) {
	r, scope := bulwark.Enter(httptest.NewRequest("GET", "/", nil))
	r, scope = scope.Record(r, new(bulwarktest.Recorder), "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
	derived, cancel := context.WithCancel(r.Context())
	defer cancel()
	var out bytes.Buffer
	logger := slog.New(zaplog.New(zap.New(core(&out, zapcore.InfoLevel)))).WithGroup("app")
	logger.InfoContext(derived, "inside", "k", "v")
	logger.InfoContext(t.Context(), "outside")
	slog.New(zaplog.New(zap.New(core(&out, zapcore.InfoLevel)))).InfoContext(derived, "own", "requestId", "mine", "traceId", "mine", "spanId", "mine")
	got := lines(t, &out)
	want := map[string]any{"requestId": bulwark.RequestID(scope), "traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": "00f067aa0ba902b7"}
	for key, id := range want {
		if got[0][key] != id {
			t.Errorf("inside: %s is %v", key, got[0][key])
		}
		if got[1][key] != nil {
			t.Errorf("outside: %s is %v", key, got[1][key])
		}
		if got[2][key] != "mine" {
			t.Errorf("own: %s is %v", key, got[2][key])
		}
	}
	if strings.Count(strings.Split(out.String(), "\n")[2], "traceId") != 1 {
		t.Errorf("a key twice: %s", &out)
	}
	//lint:ignore SA1012 a record may come without a context
	if err := zaplog.New(zap.New(core(&out, zapcore.InfoLevel))).Handle(nil, slog.NewRecord(time.Now(), slog.LevelInfo, "none", 0)); err != nil {
		t.Error(err)
	}
}

func TestGroupsAndAttrsAreNotShared(t *testing.T) {
	var out bytes.Buffer
	base := zaplog.New(zap.New(core(&out, zapcore.InfoLevel))).WithAttrs([]slog.Attr{slog.Int("base", 1)})
	attrs := []slog.Attr{slog.Int("one", 1)}
	one := base.WithAttrs(attrs)
	attrs[0] = slog.Int("changed", 1)
	two := base.WithGroup("").WithAttrs(nil).WithAttrs([]slog.Attr{slog.Int("two", 2)})
	slog.New(one).Info("one")
	slog.New(two).Info("two")
	slog.New(base).Info("base")
	got := lines(t, &out)
	if got[0]["one"] != 1.0 || got[0]["two"] != nil || got[1]["two"] != 2.0 || got[1]["one"] != nil || got[2]["one"] != nil || got[2]["base"] != 1.0 || got[0]["changed"] != nil {
		t.Errorf("%s", &out)
	}
	if strings.Contains(out.String(), `""`) {
		t.Errorf("a group without a name: %s", &out)
	}
}

// A counted record of audit has lists, which zap writes as JSON too.
func TestCaseAudit6CountedRecordByZap(t *testing.T) {
	var out bytes.Buffer
	m := bulwark.Must(audit.New(audit.Config{Sinks: []slog.Handler{zaplog.New(zap.New(core(&out, zapcore.DebugLevel)))}, MaxOneByOne: 1}))
	for i := range 4 {
		m.Record(context.Background(), bulwark.Event{Name: bulwark.AuthzFail, Path: fmt.Sprintf("/%d\u2028", i%3)})
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	got := lines(t, &out)
	if paths := fmt.Sprint(got[len(got)-1]["paths"]); len(got) != 2 || paths != `[map[count:1 value:/1\u2028] map[count:1 value:/2\u2028] map[count:1 value:/0\u2028]]` {
		t.Errorf("%s", &out)
	}
}

func BenchmarkHandle(b *testing.B) {
	h := zaplog.New(zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(encoding()), zapcore.AddSync(discard{}), zapcore.InfoLevel)))
	record := slog.NewRecord(time.Now(), slog.LevelWarn, "security event", 0)
	record.AddAttrs(slog.String("type", "security"), slog.String("event", "authz_fail"), slog.Int("status", 403))
	b.ReportAllocs()
	for b.Loop() {
		h.Handle(b.Context(), record)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
