package documents

import (
	_ "embed"
	"html/template"
	"net/http"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/headers"
)

// The page of the administrators has its scripts inside, like the main page.
var (
	//go:embed activity.html
	activityText string
	//go:embed activity.css
	activityStyle template.CSS
	//go:embed stream.js
	streamScript template.JS
	//go:embed plots.js
	plotsScript template.JS
	//go:embed breakit.js
	breakitScript template.JS
	//go:embed inuse.js
	inUseScript template.JS
	//go:embed activity.js
	activityScript template.JS

	activityTemplate = template.Must(template.New("activity").Parse(activityText))
)

// activityPage shows the events as they come, and what attacks leave behind.
func activityPage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	activityTemplate.Execute(w, struct {
		Nonce    string
		Style    template.CSS
		Script   template.JS
		Families []family
	}{headers.Nonce(r.Context()), pageStyle + activityStyle, askScript + streamScript + plotsScript + breakitScript + inUseScript + activityScript, families})
}

// inUse has the sessions and API keys that are alive.
type inUse struct {
	// Sessions have not ended, and Accounts is how many accounts they belong
	// to.
	Sessions int `json:"sessions"`
	Accounts int `json:"accounts"`
	// Keys are valid. RecentKeys were used in the last quarter of an hour, the
	// last one first.
	Keys       int       `json:"keys"`
	RecentKeys []usedKey `json:"recent_keys"`
	// Streams are the open streams of events.
	Streams int `json:"streams"`
}

type usedKey struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Tier     string    `json:"tier"`
	LastUsed time.Time `json:"last_used"`
}

// maxRecentKeys bounds the list of keys.
const maxRecentKeys = 20

// activityCounters answers with the counts of the last quarter of an hour, and
// with the sessions and keys in use.
func (a *App) activityCounters(w http.ResponseWriter, r *http.Request) {
	used, err := a.inUse(r)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	answer(w, r, http.StatusOK, struct {
		tally
		InUse inUse `json:"in_use"`
	}{a.counters.tally(), used})
}

func (a *App) inUse(r *http.Request) (inUse, error) {
	used, now := inUse{RecentKeys: []usedKey{}, Streams: a.journal.streams()}, time.Now()
	all, err := a.live(r.Context(), "")
	if err != nil {
		return used, err
	}
	people := map[string]bool{}
	for _, one := range all {
		people[one.Subject] = true
	}
	used.Sessions, used.Accounts = len(all), len(people)
	err = a.working(r.Context(), apikey.Filter{}, now, func(key apikey.Record) {
		used.Keys++
		if now.Sub(key.LastUsed) < countedMinutes*time.Minute {
			used.RecentKeys = append(used.RecentKeys, usedKey{key.ID, key.Name, key.Tier, key.LastUsed})
		}
	})
	if err != nil {
		return used, err
	}
	slices.SortFunc(used.RecentKeys, func(a, b usedKey) int { return b.LastUsed.Compare(a.LastUsed) })
	used.RecentKeys = used.RecentKeys[:min(len(used.RecentKeys), maxRecentKeys)]
	return used, nil
}
