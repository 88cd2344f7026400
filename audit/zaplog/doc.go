// Package zaplog writes slog records to a zap logger, for services that log
// with zap. It uses go.uber.org/zap/exp/zapslog, and avoids its pitfalls.
//
// # Threat
//
// An audit log must not lose records. Records are easily lost on their way from
// slog to zap:
//
//   - zapslog adds a stack trace to each record at ERROR.
//   - zapslog writes each level above ERROR as ERROR.
//   - zapslog ignores the context, and so loses the ids of the trace.
//   - zapslog returns no error when a disk is full.
//   - The production configuration of zap samples by message. Package audit has
//     constant messages: zap would write a hundred records a second, and after
//     that lose 99 of 100.
//
// # Defence
//
// [New] makes a handler of a *zap.Logger. In a chain the handler is a sink of
// package audit:
//
//	logger, err := zap.NewProduction()
//	…
//	stack, err := bulwark.Chain(
//		audit.Config{Sinks: []slog.Handler{zaplog.New(logger)}},
//		…
//	)
//
// The handler passes [testing/slogtest], and:
//
//   - It takes no stack traces.
//   - If zap has no name for a level, the attribute "severity" has the name,
//     such as "ERROR+4".
//   - It adds requestId, traceId and spanId from the context of a request, if
//     the record does not have them.
//   - It also writes the records that the sampling of the logger would drop,
//     except for a sampler inside a tee, see below.
//   - It returns the error of a write, so that package audit can count it.
//
// # Not covered
//
// A sampler that is one of several cores of a zapcore.NewTee still drops
// records, because the tee reports only that another core has written. Instead
// of the tee, give each core a sink of its own: zaplog.New(zap.New(core)).
//
// The handler does not escape text. The console encoder of zap writes messages
// as they are. Package audit has constant messages and escapes its texts. An
// application that logs "user "+name through this handler lets clients forge
// lines.
//
// Fields that were added to the logger by With are kept. Its hooks, and its
// options for callers and stack traces, are not used. If the logger buffers,
// call its Sync after the audit layer has shut down.
//
// # Errors
//
// Handle returns the error of the write. A handler that was made without a
// logger returns an error from each Handle. Such an error does not stop a
// request: package audit counts the record and writes an audit_gap.
//
// Example shows zap in a chain. The example of [New] shows what a record
// becomes, and the incorrect example shows what happens without a logger.
package zaplog
