package keys

import "io/fs"

// On Windows the directory's access list decides, which the installer sets;
// mode bits say nothing.
func private(fs.FileInfo) bool { return true }
