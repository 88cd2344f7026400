package recipes

import (
	"log"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/zaplog"
)

func withZap(logger *zap.Logger) (*bulwark.Stack, error) {
	handler := zaplog.New(logger)
	// For all other code that logs with slog, such as transport.Server.
	slog.SetDefault(slog.New(handler))
	return bulwark.Chain(
		audit.Config{Sinks: []slog.Handler{handler}, AccessLog: true},
		bulwark.Edge{Hosts: []string{"api.example.com"}},
	)
}

const zapRecord = `
{"level":"warn","msg":"security event","type":"security","event":"input_validation_fail","reason":"edge.misdirected","status":421}
`

func TestZap(t *testing.T) {
	before, writer, flags := slog.Default(), log.Writer(), log.Flags()
	t.Cleanup(func() {
		slog.SetDefault(before)
		log.SetOutput(writer)
		log.SetFlags(flags)
	})
	text := new(wireLog)
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(text), zap.InfoLevel)
	logger := zap.New(zapcore.NewSamplerWithOptions(core, time.Second, 100, 100)) // as zap.NewProduction does
	stack, err := withZap(logger)
	if err != nil {
		t.Fatal(err)
	}
	handler := stack.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		slog.InfoContext(r.Context(), "loaded")
		slog.Debug("nobody reads this")
	}))
	server := wireServer(t, handler)
	wireAsk(t, server.Client(), "GET", server.URL, "")
	const requests = 300
	for range requests {
		wireAsk(t, server.Client(), "GET", server.URL, "", "Host", "api.example.com").Body.Close()
	}
	wireClose(t, stack)
	if err := logger.Sync(); err != nil {
		t.Error(err)
	}
	text.shows(t, zapRecord)
	log.Print("as log.Fatal writes it")
	text.shows(t, `{"level":"info","msg":"as log.Fatal writes it"}`)
	count := map[string]int{}
	for _, record := range text.records(t) {
		message := record["msg"].(string)
		count[message]++
		if strings.HasPrefix(message, "as log.Fatal") {
			continue
		}
		if id, _ := record["requestId"].(string); id == "" {
			t.Errorf("no request id: %v", record)
		}
	}
	if count["request"] != requests+1 || count["loaded"] != requests || count["security event"] != 1 {
		t.Errorf("%v: the sampling of the logger has taken records away", count)
	}
	if strings.Contains(text.String(), "stacktrace") || strings.Contains(text.String(), "nobody") {
		t.Errorf("a stack trace, or a record below the level:\n%s", text)
	}
}
