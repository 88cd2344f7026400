package sqlstore

import (
	"fmt"
	"strings"
)

// statements are all the SQL of the stores, in the words of [dialect].
type statements struct {
	write        statement // makes a transaction of SQLite a writer
	lock         statement // of one kind of writers, until the end of the transaction
	lockShared   statement
	lockSessions statement // a caller alone, and two logins shared

	now statement

	sessionGet, sessionInsert, sessionUpdate, sessionTouch, sessionDelete, sessionHas, sessionSiblings statement
	sessionLists                                                                                       [1 << 5]statement // by which filters are set

	keyGet, keyInsert, keyUpdate, keyUsed, keyStale, keyHas statement
	keyLists                                                [1 << 4]statement

	sessionSeals, keySeals, markSeals, revokeSeals     statement // pages of rows with their MACs
	sessionReseal, keyReseal, markReseal, revokeReseal statement

	mark, revoke         statement
	markGet, revokeGet   statement
	replayUse            statement
	quotaSwap, quotaHold statement
	quotaSet             statement
	quotaRefund          statement
	quotaReset           statement
	quotaGets            [maxCells]statement // by how many cells

	counts map[string]*statement // by table
	sweeps map[string]*statement
}

// tables are those with rows that expire.
var tables = []string{"sessions", "keys", "marks", "revocations", "replays", "quotas"}

// refuses reports whether the rows of a table refuse somebody, so that they
// must not be forgotten early. They have expired when the clock of the database
// and the clock of this process both say so. So neither clock alone, if it is
// ahead, ends a revocation while tokens are still good. Rows of the other
// tables grant something. The clock of the database ends them.
func refuses(table string) bool {
	return table == "marks" || table == "revocations" || table == "replays"
}

// batch is how many rows one statement of Sweep deletes.
const batch = 500

const (
	sessionColumns = "digest, id, version, generation, issuer, subject, provider_issuer, provider_subject, provider_session, refreshed_at, used_at, expires, body, mac"
	keyColumns     = "digest, id, version, family, owner, tier, made_at, expires, used_at, stale_at, body, mac"
)

func statementsOf(d dialect) *statements {
	var s statements
	set := func(st *statement, shared string) { st.text = d.text(shared) }

	set(&s.now, `SELECT {clock}`)
	set(&s.write, `DELETE FROM {schema} WHERE FALSE`)
	if d.kind == Postgres {
		set(&s.lock, `SELECT pg_advisory_xact_lock(?1i)`)
		set(&s.lockShared, `SELECT pg_advisory_xact_lock_shared(?1i)`)
		set(&s.lockSessions, `SELECT pg_advisory_xact_lock(?1i), pg_advisory_xact_lock_shared(?2i), pg_advisory_xact_lock_shared(?3i)`)
	}

	set(&s.sessionGet, `SELECT `+sessionColumns+`, {clock} FROM {sessions} WHERE digest = ?1b`)
	set(&s.sessionHas, `SELECT 1 FROM {sessions} WHERE digest = ?1b`)
	set(&s.sessionSiblings, `SELECT digest, id FROM {sessions}
		WHERE issuer = ?1b AND subject = ?2b AND expires > {now} ORDER BY refreshed_at, digest`)
	set(&s.sessionInsert, `INSERT INTO {sessions} (`+sessionColumns+`)
		VALUES (?1b, ?2b, ?3i, ?4i, ?5b, ?6b, ?7b, ?8b, ?9b, {clock}, {clock}, ?10i, ?11b, ?12b) ON CONFLICT (digest) DO NOTHING`)
	set(&s.sessionUpdate, `UPDATE {sessions} SET version = ?3i, refreshed_at = CASE WHEN generation = ?4i THEN refreshed_at ELSE {clock} END,
		generation = ?4i, issuer = ?5b, subject = ?6b, provider_issuer = ?7b, provider_subject = ?8b, provider_session = ?9b,
		expires = ?10i, body = ?11b, mac = ?12b WHERE digest = ?1b AND version = ?2i`)
	set(&s.sessionTouch, `UPDATE {sessions} SET used_at = {clock} WHERE digest = ?1b AND used_at <= {clock} - ?2i`)
	set(&s.sessionDelete, `DELETE FROM {sessions} WHERE digest = ?1b`)
	lists(s.sessionLists[:], d, sessionColumns, "sessions", "issuer = ?b", "subject = ?b", "provider_issuer = ?b", "provider_subject = ?b", "provider_session = ?b")

	set(&s.keyGet, `SELECT `+keyColumns+`, {clock} FROM {keys} WHERE digest = ?1b`)
	set(&s.keyHas, `SELECT 1 FROM {keys} WHERE digest = ?1b`)
	set(&s.keyInsert, `INSERT INTO {keys} (`+keyColumns+`)
		VALUES (?1b, ?2b, ?3i, ?4b, ?5b, ?6b, ?7i, ?8i, ?9i, ?10i, ?11b, ?12b) ON CONFLICT (digest) DO NOTHING`)
	set(&s.keyUpdate, `UPDATE {keys} SET version = ?3i, family = ?4b, owner = ?5b, tier = ?6b, made_at = ?7i, expires = ?8i, body = ?9b, mac = ?10b
		WHERE digest = ?1b AND version = ?2i`)
	set(&s.keyUsed, `UPDATE {keys} SET used_at = ?2i WHERE digest = ?1b AND (used_at IS NULL OR used_at <= ?3i)`)
	set(&s.keyStale, `UPDATE {keys} SET stale_at = ?2i WHERE digest = ?1b AND (stale_at IS NULL OR stale_at <= ?3i)`)
	lists(s.keyLists[:], d, keyColumns, "keys", "family = ?b", "owner = ?b", "tier = ?b", "made_at < ?i")

	for table, st := range map[string][2]*statement{"marks": {&s.mark, &s.markGet}, "revocations": {&s.revoke, &s.revokeGet}} {
		// The two times are kept and proven each by itself. So the later of
		// two times needs no reading before.
		set(st[0], `INSERT INTO {`+table+`} AS held (digest, until, expires, until_mac, expires_mac)
			SELECT ?1b, ?2i, ?3i, ?4b, ?5b WHERE ?3i > {min}({clock}, ?6i)
			ON CONFLICT (digest) DO UPDATE SET until = {max}(held.until, excluded.until), expires = {max}(held.expires, excluded.expires),
				until_mac = CASE WHEN excluded.until > held.until THEN excluded.until_mac ELSE held.until_mac END,
				expires_mac = CASE WHEN excluded.expires > held.expires THEN excluded.expires_mac ELSE held.expires_mac END
			WHERE excluded.until > held.until OR excluded.expires > held.expires`)
		set(st[1], `SELECT digest, until, expires, until_mac, expires_mac, {clock} FROM {`+table+`} WHERE digest IN (?1b, ?2b, ?3b)`)
	}

	// An update that another call has made meanwhile has another version or
	// other times, and a MAC of its own.
	for table, st := range map[string][2]*statement{"sessions": {&s.sessionSeals, &s.sessionReseal}, "keys": {&s.keySeals, &s.keyReseal}} {
		columns := "digest, id, version, generation, issuer, subject, provider_issuer, provider_subject, provider_session, expires, body, mac"
		if table == "keys" {
			columns = "digest, id, version, family, owner, tier, made_at, expires, body, mac"
		}
		set(st[0], `SELECT `+columns+` FROM {`+table+`} WHERE digest > ?1b ORDER BY digest LIMIT ?2i`)
		set(st[1], `UPDATE {`+table+`} SET mac = ?4b WHERE digest = ?1b AND version = ?2i AND mac = ?3b`)
	}
	for table, st := range map[string][2]*statement{"marks": {&s.markSeals, &s.markReseal}, "revocations": {&s.revokeSeals, &s.revokeReseal}} {
		set(st[0], `SELECT digest, until, expires, until_mac, expires_mac FROM {`+table+`} WHERE digest > ?1b ORDER BY digest LIMIT ?2i`)
		set(st[1], `UPDATE {`+table+`} SET until_mac = ?4b, expires_mac = ?5b WHERE digest = ?1b AND until = ?2i AND expires = ?3i`)
	}

	set(&s.replayUse, `INSERT INTO {replays} AS held (digest, client, expires) SELECT ?1b, ?2b, ?3i WHERE ?3i > {min}({clock}, ?4i)
		ON CONFLICT (digest) DO UPDATE SET client = excluded.client, expires = excluded.expires WHERE held.expires <= {min}({clock}, ?4i)`)

	set(&s.quotaSwap, `INSERT INTO {quotas} AS held (digest, ends, used, expires) VALUES (?1b, ?2i, ?3i, ?4i)
		ON CONFLICT (digest) DO UPDATE SET ends = excluded.ends, used = excluded.used, expires = excluded.expires
		WHERE held.ends = ?5i AND held.used = ?6i`)
	set(&s.quotaHold, `INSERT INTO {quotas} AS held (digest, ends, used, expires) VALUES (?1b, 0, 0, 0)
		ON CONFLICT (digest) DO UPDATE SET used = held.used RETURNING ends, used, {clock}`)
	set(&s.quotaSet, `UPDATE {quotas} SET ends = ?2i, used = ?3i, expires = ?4i WHERE digest = ?1b`)
	set(&s.quotaRefund, `UPDATE {quotas} SET used = {max}(used - ?2i, 0) WHERE digest = ?1b AND ends = ?3i AND ends > {clock}`)
	set(&s.quotaReset, `DELETE FROM {quotas} WHERE digest = ?1b`)
	for i := range s.quotaGets {
		var digests []string
		for n := range i + 1 {
			digests = append(digests, fmt.Sprintf("?%db", n+1))
		}
		set(&s.quotaGets[i], `SELECT {clock}, held.digest, held.ends, held.used FROM (SELECT 1) AS one
			LEFT JOIN {quotas} AS held ON held.digest IN (`+strings.Join(digests, ", ")+`)`)
	}

	s.counts, s.sweeps = make(map[string]*statement), make(map[string]*statement)
	for _, table := range tables {
		s.counts[table], s.sweeps[table] = new(statement), new(statement)
		own, swept, counted := "0", "{now}", "{now}"
		if refuses(table) {
			swept, counted = "{min}({now}, ?1i)", "{min}({now}, ?3i)"
		}
		if table == "replays" {
			own = "count(*) FILTER (WHERE client = ?4b)"
		}
		set(s.counts[table], `SELECT count(*), `+own+` FROM {`+table+`} WHERE digest >= ?1b AND digest < ?2b AND expires > `+counted)
		set(s.sweeps[table], fmt.Sprintf(`DELETE FROM {%[1]s} WHERE expires <= %[2]s AND digest IN (
			SELECT digest FROM {%[1]s} WHERE expires <= %[2]s ORDER BY expires LIMIT %[3]d {skip})`, table, swept, batch))
	}
	return &s
}

// lists writes the statement of List for each set of filters. Bit i of the
// index is the condition i. The parameters are those of the conditions, and
// then the id that the page begins after, and the length of the page.
func lists(all []statement, d dialect, columns, table string, conditions ...string) {
	for set := range all {
		var where []string
		for i, condition := range conditions {
			if set&(1<<i) != 0 {
				where = append(where, strings.Replace(condition, "?", fmt.Sprint("?", len(where)+1), 1))
			}
		}
		after := fmt.Sprintf("?%db", len(where)+1)
		where = append(where, "{head} >= {head "+after+"}", "id > "+after)
		all[set].text = d.text(fmt.Sprintf(`SELECT %s, {clock} FROM {%s} WHERE %s ORDER BY {head}, id LIMIT ?%di`,
			columns, table, strings.Join(where, " AND "), len(where)))
	}
}

// all are the statements that New prepares, which shows that the tables
// have the columns.
func (s *statements) all() []*statement {
	all := []*statement{&s.sessionGet, &s.sessionInsert, &s.sessionUpdate, &s.sessionTouch, &s.sessionDelete, &s.sessionHas, &s.sessionSiblings,
		&s.keyGet, &s.keyInsert, &s.keyUpdate, &s.keyUsed, &s.keyStale, &s.keyHas,
		&s.mark, &s.markGet, &s.revoke, &s.revokeGet, &s.replayUse,
		&s.sessionSeals, &s.keySeals, &s.markSeals, &s.revokeSeals, &s.sessionReseal, &s.keyReseal, &s.markReseal, &s.revokeReseal,
		&s.quotaSwap, &s.quotaHold, &s.quotaSet, &s.quotaRefund, &s.quotaReset, &s.quotaGets[0]}
	for _, st := range []*statement{&s.write, &s.lock, &s.lockShared, &s.lockSessions} {
		if st.text != "" {
			all = append(all, st)
		}
	}
	for _, table := range tables {
		all = append(all, s.counts[table], s.sweeps[table])
	}
	return all
}
