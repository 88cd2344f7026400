package zaplog_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/zaplog"
)

// newLogger stands for zap.NewProduction. It writes to standard output, without
// the time.
func newLogger() *zap.Logger {
	config := zap.NewProductionEncoderConfig()
	config.TimeKey = ""
	return zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(config), zapcore.AddSync(os.Stdout), zapcore.InfoLevel))
}

// quiet leaves out the attributes that are new with each run, for the sake of
// the example.
type quiet struct{ slog.Handler }

func (q quiet) Handle(ctx context.Context, record slog.Record) error {
	steady := slog.NewRecord(record.Time, record.Level, record.Message, 0)
	record.Attrs(func(attr slog.Attr) bool {
		if attr.Key != "timestamp" && attr.Key != "requestId" {
			steady.AddAttrs(attr)
		}
		return true
	})
	return q.Handler.Handle(ctx, steady)
}

// In a chain the handler is a sink of package audit. The example also leaves out
// the attributes timestamp and requestId.
func Example() {
	logger := newLogger() // zap.NewProduction()
	defer logger.Sync()

	stack, err := bulwark.Chain(audit.Config{Sinks: []slog.Handler{quiet{zaplog.New(logger)}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusForbidden, Code: "documents.not_yours"})
	}))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/documents/42", nil))

	if err := stack.Shutdown(context.Background()); err != nil { // before Sync
		fmt.Println(err)
	}
	// Output:
	// {"level":"warn","msg":"security event","type":"security","event":"authz_fail","ip":"192.0.2.1","userId":"","path":"/documents/42","method":"GET","reason":"documents.not_yours","status":403}
}

// A level that zap has no name for is kept as severity.
func ExampleNew() {
	logger := newLogger()
	defer logger.Sync()

	log := slog.New(zaplog.New(logger))
	log.Log(context.Background(), slog.LevelError+4, "key store is open to the world", "path", "/var/keys")
	fmt.Println(log.Enabled(context.Background(), slog.LevelDebug))
	// Output:
	// {"level":"error","msg":"key store is open to the world","severity":"ERROR+4","path":"/var/keys"}
	// false
}

// Without a logger every record is lost, and package audit reports that when it
// shuts down.
func ExampleNew_incorrect() {
	layer, err := audit.New(audit.Config{Sinks: []slog.Handler{zaplog.New(nil)}})
	if err != nil {
		fmt.Println(err)
		return
	}
	layer.Record(context.Background(), bulwark.Event{Name: bulwark.AuthnLoginFail})
	fmt.Println(layer.Close())
	fmt.Println(zaplog.New(nil).Handle(context.Background(), slog.Record{}))
	// Output:
	// audit: a sink refused the last records (audit.Config.Sinks[0]): zaplog: made without a logger; give zaplog.New a *zap.Logger
	// zaplog: made without a logger; give zaplog.New a *zap.Logger
}
