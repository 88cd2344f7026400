package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark"
)

const intro = `# Codes, reasons and events

<!-- Made by "go generate ./internal/codes". Do not edit. -->

Every refusal has a **code** that is never renamed. The code is in the body of the answer: clients translate by it, and metrics count by it.
In the log, ` + "`reason`" + ` is the code or a more exact word. If a field of a Config decided, ` + "`error`" + ` says in most events what was wanted, and
names the field. These refusals may come without ` + "`error`" + `: a method that is not allowed, a request that only the client can correct, and
` + "`ratelimit.exceeded`" + `, whose ` + "`rule`" + ` names the limit. The tables below name the field. A submitted value is never in the answer.

[tokens.md](tokens.md), [issuers.md](issuers.md), [routers.md](routers.md) and [recipes.md](recipes.md) show what to write.

`

// page returns docs/codes.md.
func page() string {
	var b strings.Builder
	b.WriteString(intro)
	b.WriteString("- [Codes](#codes), package by package\n- [Reasons](#reasons) of a bad credential or a denied object\n" +
		"- [Faults of fields](#faults-of-fields), the lines of `errors`\n- [Events](#events)\n- [Events without a refusal](#events-without-a-refusal)\n\n")
	b.WriteString("## Codes\n\nThe level is the level of the event in the log. If the level depends on a credential in the request, the table shows both levels.\n\n" +
		"An audit layer writes every event with its level, even if the level of its Logger is higher. Without an audit layer, events go to `slog.Default`, " +
		"and there an INFO event has the level WARN.\n")
	for _, f := range families {
		fmt.Fprintf(&b, "\n### %s\n\n", f.name)
		if f.about != "" {
			b.WriteString(f.about + "\n\n")
		}
		rows(&b, "code", "status", "event", "level", "what it means", "what to do")
		for _, r := range f.refusals {
			name, level := r.reported()
			row(&b, "`"+r.code+"`", r.statuses(), name, level, r.means, r.do)
		}
	}
	b.WriteString("\n## Reasons\n\nThese words are in the log only. The client sees only a code, such as `auth.invalid_token` or `authz.forbidden`, so that an attacker does not learn which check failed.\n\n")
	rows(&b, "reason", "what it means", "what changes it")
	for _, r := range reasons {
		row(&b, "`"+r.word+"`", r.means, r.do)
	}
	b.WriteString("\n## Faults of fields\n\nEach line of `errors` has the place (`pointer` and `in`), a code, and the parameters of the rule (`params`).\n\n")
	rows(&b, "code", "params", "what it means")
	for _, f := range faults {
		row(&b, "`"+f.code+"`", f.params, f.means)
	}
	b.WriteString("\n## Events\n\nIf the OWASP logging vocabulary has a name for an event, the event has that name. An application reports its own events with `bulwark.Report`.\n\n")
	rows(&b, "event", "level", "who reports it", "what it means", "what to do")
	for _, h := range happenings {
		row(&b, "`"+string(h.name)+"`", h.name.Level().String(), h.by, h.means, h.do)
	}
	b.WriteString("\n## Events without a refusal\n\n")
	rows(&b, "event", "reason", "what it means", "what to do")
	for _, n := range notes {
		row(&b, "`"+string(n.event)+"`", "`"+n.word+"`", n.means, n.do)
	}
	b.WriteString("\nThe events of `transport` come from `transport.Server`. They belong to no request, so they always go to `slog.Default`. `transport.Server` also writes " +
		"records that are not events. They have the message `server message`, the level WARN and the reason `transport.handler`: net/http noticed a mistake of a " +
		"handler, such as a second call of `WriteHeader`. Read `error`, and correct the handler.\n")
	return b.String()
}

func rows(b *strings.Builder, names ...string) {
	row(b, names...)
	b.WriteString(strings.Repeat("|---", len(names)) + "|\n")
}

func row(b *strings.Builder, cells ...string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

// statuses lists what a refusal may answer.
func (r refusal) statuses() string {
	var all []string
	for _, status := range r.status {
		all = append(all, strconv.Itoa(status))
	}
	return strings.Join(all, " or ")
}

// reported is the event that Deny makes of a refusal, and its level without and
// with a credential in the request.
func (r refusal) reported() (name, level string) {
	without, with := r.deny(nil), r.deny(http.Header{"Authorization": {"Bearer made-up"}})
	if without == nil {
		return "none", "–"
	}
	if from, to := without.Level.Level(), with.Level.Level(); from != to {
		return "`" + string(with.Name) + "`", from.String() + "; " + to.String() + " with a credential"
	}
	return "`" + string(without.Name) + "`", without.Level.Level().String()
}

// deny lets Deny answer the refusal and returns the event, or nil.
func (r refusal) deny(h http.Header) *bulwark.Event {
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	for name, values := range h {
		request.Header[name] = values
	}
	request, scope := bulwark.Enter(request)
	var heard listener
	request, _ = scope.Record(request, &heard, "", "")
	bulwark.Deny(httptest.NewRecorder(), request, &bulwark.Problem{
		Status: r.status[0], Code: r.code, Log: bulwark.ProblemLog{Event: r.event, Level: r.level}})
	return heard.event
}

// A listener keeps the last event.
type listener struct{ event *bulwark.Event }

// Record is bulwark.Recorder.
func (l *listener) Record(_ context.Context, e bulwark.Event) { l.event = &e }
