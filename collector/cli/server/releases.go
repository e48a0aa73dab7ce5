package server

import (
	"context"
	"errors"
	"fmt"

	"rollbridge/collector/release"
	"rollbridge/collector/settings"
	"rollbridge/shared/clock"
	"rollbridge/shared/logkey"
)

// releases is the repository that role jobs keeps fresh.
type releases struct {
	repository *release.Repository
	online     release.Online
	// warned is the last alarm of each role that was logged.
	warned map[string]int
}

// newReleases reads what the keys of the server need. A repository need not be there.
func newReleases(s settings.Settings) (*releases, error) {
	r := &releases{repository: release.At(s.ReleasesDir()), online: release.Online{Command: s.Releases.Signer}, warned: map[string]int{}}
	if s.Releases.PassphraseFile == "" {
		return r, nil
	}
	var err error
	if r.online.Passphrase, err = release.ReadPassphrase(s.Releases.PassphraseFile); err != nil {
		return nil, fmt.Errorf("settings releases.passphrase_file: %w", err)
	}
	return r, nil
}

// sign signs again what the server signs of the releases, and raises the alarms before
// anything of them expires, each once a process.
func (j *jobs) sign(ctx context.Context) error {
	if j.releases == nil {
		return nil
	}
	r := j.releases
	did, signErr := r.repository.Renew(ctx, clock.Now(), r.online)
	if did {
		j.log.Info("the metadata of releases are signed again")
	}
	s, err := r.repository.State()
	if err != nil {
		return errors.Join(signErr, err)
	}
	for _, m := range s.Metadata {
		j.ends.WithLabelValues(m.Role).Set(float64(m.Expires.Unix()))
	}
	now := map[string]int{}
	for _, a := range s.Alarms(clock.Now()) {
		now[a.Role] = a.Days
		if last, said := r.warned[a.Role]; !said || last != a.Days {
			j.log.Warn("metadata of releases near their end: see `release status`", logkey.Kind, a.Role, logkey.Until, a.Expires)
		}
	}
	r.warned = now
	return signErr
}
