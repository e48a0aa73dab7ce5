package cli

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rollbridge/agent/mis"
	"rollbridge/agent/settings"
)

// tryFlags are the flags of `profile test` that say what is tried.
type tryFlags struct {
	against, site string
	names         []string // NAME=VALUE
}

func (f tryFlags) check() error {
	if len(f.names) > 0 && f.against == "" {
		return errors.New("--name goes with --against, which names a web interface: without it the names stand in agent.yaml, under mis.api.names")
	}
	return nil
}

// place is the profile with a site that leads to the folder or the address of
// --against instead of the school's MIS. Of the settings only what set has counts.
func (f tryFlags) place(profile *mis.Profile, set settings.Settings) (*mis.Profile, mis.Site, error) {
	switch profile.Driver {
	case "file":
		site, err := f.folder(profile, set)
		return profile, site, err
	case "rest":
		return f.address(profile, set)
	}
	place := map[string]string{"sql": "mis.server (a database)", "report": "mis.command (a program)"}[profile.Driver]
	return nil, mis.Site{}, fmt.Errorf("--against names a folder or a web address, and the profile %s is tried with %s: give that in agent.yaml, and run `rollbridge-agent profile test` without --against", profile.Name, place)
}

func (f tryFlags) folder(profile *mis.Profile, set settings.Settings) (mis.Site, error) {
	if len(f.names) > 0 {
		return mis.Site{}, fmt.Errorf("the profile %s reads files, which have no names to give: remove --name", profile.Name)
	}
	if info, err := os.Stat(f.against); err != nil || !info.IsDir() {
		return mis.Site{}, fmt.Errorf("the profile %s reads files: --against must be the folder that they are in", profile.Name)
	}
	dir, err := filepath.Abs(f.against)
	if err != nil {
		return mis.Site{}, fmt.Errorf("find the folder: %w", err)
	}
	set.MIS.Folder, set.MIS.SettleSeconds = dir, 0 // nothing that is half-written is sent
	return set.Overlay()
}

func (f tryFlags) address(profile *mis.Profile, set settings.Settings) (*mis.Profile, mis.Site, error) {
	fail := func(err error) (*mis.Profile, mis.Site, error) { return nil, mis.Site{}, err }
	if !strings.HasPrefix(f.against, "https://") && !strings.HasPrefix(f.against, "http://") {
		return fail(fmt.Errorf("the profile %s asks a web interface: --against must be its address, such as https://mis.example", profile.Name))
	}
	site, err := set.Overlay()
	if err != nil {
		return fail(err)
	}
	if site.API == nil {
		site.API = new(mis.API)
	}
	if err := set.Uplink.Carry(site.API); err != nil {
		return fail(err)
	}
	names := maps.Clone(site.API.Names)
	if names == nil {
		names = map[string]string{}
	}
	if err := f.put(profile.API.Names, names); err != nil {
		return fail(err)
	}
	at := addressName(profile.API)
	if at == "" {
		if profile, err = movedTo(profile, f.against); err != nil {
			return fail(err)
		}
	} else {
		names[at] = f.against
	}
	for _, name := range slices.Sorted(maps.Keys(profile.API.Names)) {
		if profile.API.Names[name].URL && names[name] == "" {
			return fail(fmt.Errorf("the profile %s has a second address, %s (%s): give it too, with --name %s=https://…", profile.Name, name, profile.API.Names[name].Says, name))
		}
	}
	site.API.Names = names
	return profile, site, nil
}

// put adds what --name says to names.
func (f tryFlags) put(known map[string]*mis.NameProfile, names map[string]string) error {
	for _, text := range f.names {
		name, value, ok := strings.Cut(text, "=")
		switch {
		case !ok || value == "":
			return errors.New("--name is written NAME=VALUE")
		case known[name] == nil:
			return fmt.Errorf("the profile does not ask for the name of --name; it asks for %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		names[name] = value
	}
	return nil
}

// addressName is the name that the address of the interface begins with, "" if
// it is written out.
func addressName(api *mis.APIProfile) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(api.URL, "{"), "}")
	if own := api.Names[name]; own != nil && own.URL && strings.HasPrefix(api.URL, "{") {
		return name
	}
	return ""
}

// movedTo is a profile whose addresses are written out, at another scheme and
// host.
func movedTo(profile *mis.Profile, address string) (*mis.Profile, error) {
	made, api, auth := *profile, *profile.API, *profile.API.Auth
	host, _ := splitAddress(api.URL)
	to, path := splitAddress(address)
	switch {
	case path != "" && path != "/":
		return nil, fmt.Errorf("the profile %s has the path of its address itself: give --against only as far as the host", profile.Name)
	case auth.Post != "":
		signIn, path := splitAddress(auth.Post)
		if signIn != host {
			return nil, fmt.Errorf("the profile %s signs in at another address than it reads: name both under api.names with url: true, so that --against and --name can give them", profile.Name)
		}
		auth.Post = to + path
	}
	_, path = splitAddress(api.URL)
	api.URL, api.Auth, made.API = to+path, &auth, &api
	return &made, nil
}

// splitAddress parts scheme and host from the path.
func splitAddress(address string) (host, path string) {
	scheme, rest, _ := strings.Cut(address, "://")
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return scheme + "://" + rest[:i], rest[i:]
	}
	return scheme + "://" + rest, ""
}
