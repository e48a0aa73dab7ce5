//go:build !windows

package settings

func defaultDataDir() string { return "/var/lib/rollbridge" }
