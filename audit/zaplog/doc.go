// Package zaplog writes slog records to a zap logger, for services whose logs
// are zap's, through go.uber.org/zap/exp/zapslog with its traps closed.
//
// # Threat
//
// An audit log that loses records is worth little. On the way from slog to zap
// records are easily lost: zapslog puts a stack trace to each record at ERROR,
// makes ERROR of every level above, ignores the context and with it the trace,
// and returns no error when a disk is full. zap's production configuration
// samples by message: with the constant messages of package audit it would
// write a hundred records a second and lose 99 of 100 thereafter.
//
// # Defence
//
// [New] returns a handler that passes [testing/slogtest] and
//
//   - takes no stack traces;
//   - keeps a level that zap has no name for as the attribute "severity", such
//     as "ERROR+4";
//   - adds requestId, traceId and spanId from the context of a request, where
//     the record has none of these itself;
//   - writes what the logger's sampling declines, unless it is that of a core
//     within a tee, see below;
//   - returns the error of a write, so that package audit can count it.
//
// # Not covered
//
// Sampling within a tee: a sampler that is one of several cores of a
// zapcore.NewTee still drops, because the tee only tells that another core has
// written. Give each core a Sink of its own, zaplog.New(zap.New(core)), in
// place of the tee.
//
// Text that is not escaped: zap's console encoder writes messages as they are.
// The records of package audit have constant messages and escaped texts; an
// application that logs "user "+name through this handler can forge lines.
// Fields that the *zap.Logger was given with With are kept, its hooks and
// options of callers and stack traces are not. A logger that buffers must be
// synced after the audit layer has shut down.
//
// # Errors
//
// Handle returns the error of the write. A handler that was made without a
// logger returns an error from each Handle. Neither stops a request: package
// audit counts the record and writes an audit_gap.
//
// The example shows what a record becomes. In a chain the handler is a sink:
//
//	sink := zaplog.New(logger)
//	stack, err := bulwark.Chain(audit.Config{Sinks: []slog.Handler{sink}}, …)
package zaplog
