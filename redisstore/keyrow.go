package redisstore

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/bulwark-go/bulwark/auth/apikey"
)

// content returns the content of the row of rec with its MAC, and its names.
// The Version and the two marks are not in the content, so the MAC does not
// cover them.
func (k *keys) content(rec *apikey.Record) (sealed, named string, err error) {
	w := make(writer, 0, 512)
	for _, text := range [...]string{rec.Family, rec.Name, rec.Issuer, rec.Subject, rec.Tier} {
		w.text(text)
	}
	w.texts(rec.Roles)
	w.texts(rec.Scopes)
	w.number(int64(len(rec.Networks)))
	for _, network := range rec.Networks {
		b, err := network.MarshalBinary()
		if err != nil {
			return "", "", fmt.Errorf("redisstore: Record.Networks: %w", err)
		}
		w.text(string(b))
	}
	w.number(int64(len(rec.Secrets)))
	for _, secret := range rec.Secrets {
		w.bytes(secret.Hash[:])
		w.number(int64(secret.Pepper))
		w.time(secret.CreatedAt)
		w.time(secret.NotAfter)
	}
	w.time(rec.CreatedAt)
	w.time(rec.ExpiresAt)
	w.time(rec.RevokedAt)
	adopted := int64(0)
	if rec.Adopted {
		adopted = 1
	}
	w.number(adopted)
	named = names(keyOwner(rec.Issuer, rec.Subject))
	return k.store.sealer.seal(sealedKey, rec.ID, named, w), named, nil
}

// open reads the row that Redis has for the id.
func (k *keys) open(id, text string) (apikey.Record, error) {
	found, err := k.rows.open("API key", id, text)
	if err != nil {
		return apikey.Record{}, err
	}
	rec := apikey.Record{ID: id, Version: found.version, LastUsed: marked(found.first), StaleReported: marked(found.second)}
	r := reader{left: found.content}
	for _, field := range [...]*string{&rec.Family, &rec.Name, &rec.Issuer, &rec.Subject, &rec.Tier} {
		*field = r.text()
	}
	rec.Roles, rec.Scopes = r.texts(), r.texts()
	if n := r.count(); n > 0 {
		rec.Networks = make([]netip.Prefix, 0, n)
		for range n {
			rec.Networks = append(rec.Networks, r.network())
		}
	}
	if n := r.count(); n > 0 {
		rec.Secrets = make([]apikey.Secret, n)
		for i := range rec.Secrets {
			secret := &rec.Secrets[i]
			secret.Hash, secret.Pepper = r.hash(), int(r.number())
			secret.CreatedAt, secret.NotAfter = r.time(), r.time()
		}
	}
	rec.CreatedAt, rec.ExpiresAt, rec.RevokedAt = r.time(), r.time(), r.time()
	rec.Adopted = r.number() == 1
	if err := r.done(); err != nil {
		return apikey.Record{}, err
	}
	return rec, nil
}

// marked is a mark of a row.
func marked(at int64) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return time.UnixMicro(at).UTC()
}
