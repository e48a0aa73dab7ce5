//go:build !windows

package cli

import "github.com/spf13/cobra"

// forInstaller are commands for the installer of Windows only.
func (p *program) forInstaller() []*cobra.Command { return nil }
