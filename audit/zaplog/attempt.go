package zaplog

import (
	"errors"
	"strings"

	"go.uber.org/zap/zapcore"
)

// attempt is a core for one record. It also writes what the real core declines,
// and keeps the error, which zap would print or swallow.
type attempt struct {
	zapcore.Core
	*outcome
}

type outcome struct{ err error }

// With keeps the attempt around the core.
func (a attempt) With(fields []zapcore.Field) zapcore.Core {
	return attempt{a.Core.With(fields), a.outcome}
}

// Check always agrees; see Write.
func (a attempt) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	return checked.AddCore(entry, a)
}

// Write asks the real core who writes the entry, so that each core behind a tee
// keeps its level. If all cores decline, because of sampling or a level, all
// write. If only some decline, these do not write, because a tee does not
// report whether the reason was the level or sampling.
func (a attempt) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	checked := a.Core.Check(entry, nil)
	if checked == nil {
		a.err = a.Core.Write(entry, fields)
		return a.err
	}
	var complaint complaint
	checked.ErrorOutput = &complaint
	checked.Write(fields...)
	if complaint.Len() > 0 {
		a.err = errors.New("zaplog: " + strings.TrimSpace(complaint.String()))
	}
	return a.err
}

// complaint receives what zap prints when a core fails to write.
type complaint struct{ strings.Builder }

// Sync implements zapcore.WriteSyncer.
func (*complaint) Sync() error { return nil }
