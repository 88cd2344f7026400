package zaplog

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"slices"

	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"

	"github.com/bulwark-go/bulwark"
)

// New returns a handler that writes to logger. It is safe for concurrent use.
// With a nil logger every Handle returns an error, so that the lost records are
// noticed.
func New(logger *zap.Logger) slog.Handler {
	if logger == nil {
		return &handler{}
	}
	return &handler{core: logger.Core(), name: logger.Name()}
}

// handler keeps what With has added as steps, and repeats the steps for each
// record. Attributes of the record as a whole must stand outside all groups,
// and each record has a core of its own that reports whether the write has
// succeeded.
type handler struct {
	core  zapcore.Core
	name  string
	steps []func(slog.Handler) slog.Handler
}

// Enabled reports whether the logger writes records of the level.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return h.core == nil || h.core.Enabled(zapLevel(level))
}

// WithAttrs returns a handler that adds attrs to each record.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	attrs = slices.Clone(attrs)
	return h.with(func(inner slog.Handler) slog.Handler { return inner.WithAttrs(attrs) })
}

// WithGroup returns a handler that puts what is added from now on into a group.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" { // of which zapslog would make a group without name
		return h
	}
	return h.with(func(inner slog.Handler) slog.Handler { return inner.WithGroup(name) })
}

func (h *handler) with(step func(slog.Handler) slog.Handler) *handler {
	steps := append(h.steps[:len(h.steps):len(h.steps)], step)
	return &handler{h.core, h.name, steps}
}

// Handle writes the record and returns the error of the write. The level and
// the sampling of the logger do not stop it. Cores within a tee keep their
// levels and sampling if at least one of them writes.
func (h *handler) Handle(ctx context.Context, record slog.Record) error {
	if h.core == nil {
		return errors.New("zaplog: made without a logger; give zaplog.New a *zap.Logger")
	}
	outcome := new(outcome)
	inner := slog.Handler(zapslog.NewHandler(attempt{h.core, outcome},
		zapslog.WithName(h.name), zapslog.AddStacktraceAt(math.MaxInt)))
	if added := added(ctx, record); len(added) > 0 {
		inner = inner.WithAttrs(added)
	}
	for _, step := range h.steps {
		inner = step(inner)
	}
	if err := inner.Handle(ctx, record); err != nil {
		return err
	}
	return outcome.err
}

// added returns the attributes that zapslog would lose: the exact level, and
// the ids of the request that the context belongs to.
func added(ctx context.Context, record slog.Record) []slog.Attr {
	var attrs []slog.Attr
	if exact := slogLevel(zapLevel(record.Level)); exact != record.Level && !has(record, "severity") {
		attrs = append(attrs, slog.String("severity", record.Level.String()))
	}
	if ctx == nil {
		return attrs
	}
	if bulwark.RequestID(ctx) == "" { // no request of this module
		return attrs
	}
	r, scope := bulwark.Enter(new(http.Request).WithContext(ctx))
	var e bulwark.Event
	scope.Describe(r, &e)
	for _, id := range [...]struct{ key, value string }{
		{"requestId", e.RequestID}, {"traceId", e.TraceID}, {"spanId", e.SpanID},
	} {
		if id.value != "" && !has(record, id.key) {
			attrs = append(attrs, slog.String(id.key, id.value))
		}
	}
	return attrs
}

// has reports whether the record itself has an attribute of that key.
func has(record slog.Record, key string) bool {
	found := false
	record.Attrs(func(attr slog.Attr) bool {
		found = attr.Key == key
		return !found
	})
	return found
}

// zapLevel is the nearest level of zap that is not above.
func zapLevel(level slog.Level) zapcore.Level {
	switch {
	case level >= slog.LevelError:
		return zapcore.ErrorLevel
	case level >= slog.LevelWarn:
		return zapcore.WarnLevel
	case level >= slog.LevelInfo:
		return zapcore.InfoLevel
	}
	return zapcore.DebugLevel
}

// slogLevel is the level of slog that a level of zap stands for.
func slogLevel(level zapcore.Level) slog.Level {
	switch level {
	case zapcore.ErrorLevel:
		return slog.LevelError
	case zapcore.WarnLevel:
		return slog.LevelWarn
	case zapcore.InfoLevel:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}
