package traffic

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"time"
)

// The rates of ordinary users. They are assumptions that are meant to be on the
// side of many mistakes.
const (
	loginAtHome    = 0.5   // of the visits begin with a login; the others have a session
	loginAtOffice  = 0.9   // of the people in the office log in in the morning
	mistyped       = 0.07  // of the attempts to log in have a typing mistake
	forgotten      = 0.03  // of the logins: the user tries 2 to 5 passwords, then resets it
	managerOld     = 0.02  // of the logins: a password manager sends an old password 2 or 3 times
	otherName      = 0.01  // of the logins: the user types a name that is not an account
	appOld         = 0.02  // of the people at home have an app that knows only an old password
	appRetries     = 5     // minutes between two attempts of this app
	tokenExpired   = 0.05  // of the visits with a session: six requests at once with an expired token
	pagesPerVisit  = 20    // mean number of documents in a visit
	betweenPages   = 15    // mean seconds between two documents
	deletedAtHome  = 0.01  // of the documents are gone: an old bookmark
	notAllowed     = 0.003 // of the documents may be read and not be changed
	deadLink       = 0.005 // of the documents have a link that leads to no route
	phones         = 0.2   // of the browsers ask for two icons that are not there
	partnerRate    = 1     // documents a second in a batch
	partnerMinutes = 40    // of each hour
	deletedBatches = 0.01  // of the documents in a batch begin a deleted part
	deletedGoesOn  = 0.3   // of the deleted documents are followed by another one
	crawlSeconds   = 10    // between two requests of a search engine
	crawlDead      = 0.3   // of its requests lead to no route
)

// A person is somebody with a browser.
type person struct {
	*source
	random    *rand.Rand
	account   string
	subject   string
	documents []int
	login     float64 // how likely a visit begins with a login
	phone     bool
	oldApp    bool
	begin     func() time.Duration // of the visit, in the hour
	hours     int                  // with a visit; 0 means all
}

func newPerson(random *rand.Rand, by *source, number int) *person {
	p := &person{source: by, random: random, account: email(number), subject: subject(number), phone: random.Float64() < phones}
	by.caller(p.subject, "session")
	for range 30 {
		p.documents = append(p.documents, 1+random.IntN(200_000))
	}
	return p
}

// newHome is a person with an address of its own: IPv6 for one in three.
func newHome(random *rand.Rand, i int) *person {
	addr := netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)})
	if i%3 == 0 {
		addr = netip.AddrFrom16([16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 4: byte(i >> 8), 5: byte(i), 15: 1})
	}
	p := newPerson(random, &source{kind: Browser, name: fmt.Sprint(Browser, "-", i), addr: addr}, i)
	p.login, p.oldApp = loginAtHome, random.Float64() < appOld
	p.begin = func() time.Duration { return time.Duration(random.Int64N(int64(time.Hour))) }
	return p
}

// newColleague is one of the people behind the address of an office. They come
// between a quarter past eight and a quarter to nine, most of them in the
// middle.
func newColleague(random *rand.Rand, i int) *person {
	p := newPerson(random, &source{kind: Office, name: fmt.Sprint(Office, "-", i), addr: netip.MustParseAddr("192.0.2.10")}, 100_000+i)
	p.login, p.hours = loginAtOffice, 1
	p.begin = func() time.Duration {
		return min(max(0, 30*time.Minute+time.Duration(random.NormFloat64()*float64(8*time.Minute))), time.Hour)
	}
	return p
}

// nobody is the source before a login.
func (p *person) nobody() *source {
	anonymous := *p.source
	anonymous.principal = nil
	return &anonymous
}

func (p *person) hour(start time.Duration, do func(action)) {
	if p.oldApp {
		p.app(start, do)
	}
	if p.hours > 0 && start >= time.Duration(p.hours)*time.Hour {
		return
	}
	at := start + p.begin()
	wait := func(mean float64) { at += p.seconds(mean) }
	do(p.nobody().page(at, "/"))
	do(p.nobody().nowhere(at, "/favicon.ico"))
	if p.phone {
		do(p.nobody().nowhere(at, "/apple-touch-icon-precomposed.png"))
		do(p.nobody().nowhere(at, "/apple-touch-icon.png"))
	}
	switch {
	case p.random.Float64() < p.login:
		at = p.enter(at, do)
	case p.random.Float64() < tokenExpired:
		for i := range 6 {
			do(p.nobody().expired(at, fmt.Sprint("/start/", i)))
		}
	}
	for range p.random.IntN(2 * pagesPerVisit) {
		wait(betweenPages)
		id := p.documents[p.random.IntN(len(p.documents))]
		switch x := p.random.Float64(); {
		case x < deletedAtHome:
			do(p.missing(at, id))
		case x < deletedAtHome+notAllowed:
			do(p.forbidden(at, id))
		case x < deletedAtHome+notAllowed+deadLink:
			do(p.nowhere(at, fmt.Sprint("/help/old/", p.random.IntN(30))))
		default:
			do(p.read(at, id))
		}
	}
}

// enter logs in, with the mistakes that people make, and returns when it is
// done.
func (p *person) enter(at time.Duration, do func(action)) time.Duration {
	by := p.nobody()
	fail := func(times int, account string, between float64) {
		for range times {
			at += p.seconds(between)
			do(by.wrong(at, account))
		}
	}
	at += p.seconds(10)
	switch x := p.random.Float64(); {
	case x < forgotten:
		fail(2+p.random.IntN(4), p.account, 15)
		at += p.seconds(120) // the mail with the link
	case x < forgotten+managerOld:
		fail(2+p.random.IntN(2), p.account, 2)
	case x < forgotten+managerOld+otherName:
		fail(1, "x"+p.account, 5)
	}
	for p.random.Float64() < mistyped {
		fail(1, p.account, 8)
	}
	at += p.seconds(8)
	do(by.right(at, p.account, p.subject))
	return at
}

// app is an app that tries an old password again and again.
func (p *person) app(start time.Duration, do func(action)) {
	for at := start + p.seconds(60*appRetries/2); at < start+time.Hour; at += appRetries * time.Minute {
		do(p.nobody().wrong(at, p.account))
	}
}

func (p *person) seconds(mean float64) time.Duration { return pause(p.random, mean) }

// pause is a random time. Its mean is given in seconds.
func pause(random *rand.Rand, mean float64) time.Duration {
	return time.Duration(random.ExpFloat64() * mean * float64(time.Second))
}

// A partner reads many documents in the order of their ids. Some of them are
// gone, one by one or a few beside each other. For one partner in four the
// service hides the 404 with NoEvent.
type partner struct {
	*source
	random *rand.Rand
	quiet  bool
	id     int
}

func newPartner(random *rand.Rand, i int) *partner {
	by := &source{kind: Partner, name: fmt.Sprint(Partner, "-", i), addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(20 + i)})}
	return &partner{source: by.caller(fmt.Sprint("partner-", i), "api_key"), random: random, quiet: i%4 == 3, id: random.IntN(100_000)}
}

func (p *partner) hour(start time.Duration, do func(action)) {
	gone := false
	at := start + time.Duration(p.random.IntN(20))*time.Minute
	for end := at + partnerMinutes*time.Minute; at < end; at += pause(p.random, 1.0/partnerRate) {
		p.id++
		share := deletedGoesOn
		if !gone {
			p.id += p.random.IntN(2)
			share = deletedBatches
		}
		gone = p.random.Float64() < share
		switch a := p.missing(at, p.id); {
		case !gone:
			do(p.read(at, p.id))
		case p.quiet:
			do(a.hidden())
		default:
			do(a)
		}
	}
}

// A crawler is a monitor, which asks for the same few paths again and again, or
// for every second one a search engine, which follows old links.
type crawler struct {
	*source
	random *rand.Rand
	search bool
}

func newCrawler(random *rand.Rand, i int) *crawler {
	return &crawler{&source{kind: Crawler, name: fmt.Sprint(Crawler, "-", i), addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(100 + i)})}, random, i%2 == 1}
}

func (c *crawler) hour(start time.Duration, do func(action)) {
	if !c.search {
		for at := start + c.seconds(10); at < start+time.Hour; at += 30 * time.Second {
			do(c.page(at, "/health"))
			if math.Mod(at.Minutes(), 5) < 0.5 {
				for _, path := range []string{"/favicon.ico", "/robots.txt", "/sitemap.xml", "/.well-known/security.txt", "/status", "/ping"} {
					do(c.nowhere(at, path))
				}
			}
		}
		return
	}
	do(c.nowhere(start, "/robots.txt"))
	for at := start + c.seconds(crawlSeconds); at < start+time.Hour; at += c.seconds(crawlSeconds) {
		if c.random.Float64() < crawlDead {
			do(c.nowhere(at, fmt.Sprint("/blog/2019/", c.random.IntN(500))))
			continue
		}
		do(c.page(at, "/"))
	}
}

func (c *crawler) seconds(mean float64) time.Duration { return pause(c.random, mean) }
