package audit_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/bulwark-go/bulwark/audit"
)

func TestSecret(t *testing.T) {
	s := audit.NewSecret("hunter2")
	if s.Reveal() != "hunter2" || (audit.Secret{}).Reveal() != "" {
		t.Error("the secret is lost")
	}
	type holder struct {
		Shown  audit.Secret
		hidden audit.Secret
		list   []audit.Secret
	}
	h := holder{s, s, []audit.Secret{s}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T%v", "%10.3s", "%p"} {
		for _, value := range []any{s, &s, h, &h, []audit.Secret{s}, map[string]audit.Secret{"k": s}} {
			fmt.Fprintf(&out, verb+"\n", value, value)
		}
	}
	fmt.Fprintln(&out, s.String(), s.GoString())
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(handler).Info("m", "s", s, "p", &s, "h", h, slog.Group("g", "s", s))
	}
	logger := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(&out), zapcore.DebugLevel))
	logger.Info("m", zap.Any("s", s), zap.Stringer("t", s), zap.Reflect("h", h), zap.Any("p", &s))
	asJSON, err := json.Marshal(map[string]any{"s": s, "h": h, "p": &s})
	if err != nil {
		t.Fatal(err)
	}
	asXML, err := xml.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(asJSON)
	out.Write(asXML)
	printed := out.String()
	// In hexadecimal, too.
	for _, leak := range []string{"hunter2", "hunt", "68756e74", "68756E74", "104 117"} {
		if strings.Contains(printed, leak) {
			t.Errorf("%q is printed: %s", leak, printed)
		}
	}
	if !strings.Contains(printed, "[redacted]") || !strings.Contains(string(asJSON), `"s":"[redacted]"`) || !strings.Contains(string(asXML), "[redacted]") {
		t.Errorf("%s", printed)
	}
}
