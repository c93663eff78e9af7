;; The calls of WASI that are checked before wasmtime answers them. guarded_wasi.py says why, and puts the number of the
;; journal in the place of {journal}.
;;
;; Whatever is not refused here is passed on unchanged, with all of its parameters.
(module
  (import "wasi_snapshot_preview1" "fd_close" (func $wasi_fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_times"
    (func $wasi_fd_filestat_set_times (param i32 i64 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pwrite" (func $wasi_fd_pwrite (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_renumber" (func $wasi_fd_renumber (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_set_times"
    (func $wasi_path_filestat_set_times (param i32 i32 i32 i32 i64 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_link"
    (func $wasi_path_link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $wasi_path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get"
    (func $wasi_path_filestat_get (param i32 i32 i32 i32 i32) (result i32)))
  ;; What is known of a descriptor, as the bits $READ_ONLY and $MOUNT, and how it is recorded.
  (import "harness" "known of" (func $known_of (param $fd i32) (result i32)))
  (import "harness" "note" (func $note (param $fd i32) (param $known i32)))
  ;; The address of the running thread of Python, and the function of the host that writes to the journal: it returns the
  ;; number of bytes, or an error of WASI as a negative number.
  (import "harness" "thread" (func $thread (result i32)))
  (import "harness" "journal" (func $journal (param $vectors i32) (param $count i32) (param $thread i32) (result i32)))
  ;; The guest's own memory. wasmtime's WASI takes the arguments of a call from the memory of the instance that calls.
  (import "harness" "memory" (memory 0))
  (export "memory" (memory 0))

  (global $JOURNAL i32 (i32.const {journal}))
  (global $READ_ONLY i32 (i32.const 1))
  (global $MOUNT i32 (i32.const 2))
  ;; Errors of WASI preview 1.
  (global $SUCCESS i32 (i32.const 0))
  (global $BADF i32 (i32.const 8))
  (global $FAULT i32 (i32.const 21))
  (global $ROFS i32 (i32.const 69))
  (global $XDEV i32 (i32.const 75))
  ;; An iovec is two numbers of four bytes, an address and a length. More than this many are not read from one call.
  (global $VECTOR i32 (i32.const 8))
  (global $MOST_VECTORS i32 (i32.const 1024))

  (func $is (param $fd i32) (param $bit i32) (result i32)
    (i32.and (call $known_of (local.get $fd)) (local.get $bit)))

  ;; The error for a path on which something is refused: that of looking at the path, and only if it exists $refused.
  (func $refusal (param $fd i32) (param $path i32) (param $length i32) (param $refused i32) (result i32)
    (local $missing i32)
    (local $kept0 i64) (local $kept8 i64) (local $kept16 i64) (local $kept24 i64)
    (local $kept32 i64) (local $kept40 i64) (local $kept48 i64) (local $kept56 i64)
    ;; The 64 bytes of the answer need a place in the guest's memory. They are written to its beginning, where a C program
    ;; has nothing, and what was there is written back.
    (local.set $kept0 (i64.load (i32.const 0)))
    (local.set $kept8 (i64.load (i32.const 8)))
    (local.set $kept16 (i64.load (i32.const 16)))
    (local.set $kept24 (i64.load (i32.const 24)))
    (local.set $kept32 (i64.load (i32.const 32)))
    (local.set $kept40 (i64.load (i32.const 40)))
    (local.set $kept48 (i64.load (i32.const 48)))
    (local.set $kept56 (i64.load (i32.const 56)))
    (local.set $missing
      (call $wasi_path_filestat_get
        (local.get $fd) (i32.const 0) (local.get $path) (local.get $length) (i32.const 0)))
    (i64.store (i32.const 0) (local.get $kept0))
    (i64.store (i32.const 8) (local.get $kept8))
    (i64.store (i32.const 16) (local.get $kept16))
    (i64.store (i32.const 24) (local.get $kept24))
    (i64.store (i32.const 32) (local.get $kept32))
    (i64.store (i32.const 40) (local.get $kept40))
    (i64.store (i32.const 48) (local.get $kept48))
    (i64.store (i32.const 56) (local.get $kept56))
    (select (local.get $missing) (local.get $refused) (local.get $missing)))

  ;; A mount stays open: without it the guest could open nothing more, and no program that closes everything means that.
  (func (export "fd_close") (param $fd i32) (result i32)
    (local $error i32)
    (if (call $is (local.get $fd) (global.get $MOUNT)) (then (return (global.get $BADF))))
    (local.set $error (call $wasi_fd_close (local.get $fd)))
    (if (i32.eqz (local.get $error)) (then (call $note (local.get $fd) (i32.const 0))))
    (local.get $error))

  (func (export "fd_filestat_set_times") (param $fd i32) (param i64 i64 i32) (result i32)
    (if (call $is (local.get $fd) (global.get $READ_ONLY)) (then (return (global.get $ROFS))))
    (call $wasi_fd_filestat_set_times (local.get 0) (local.get 1) (local.get 2) (local.get 3)))

  (func (export "fd_pwrite")
    (param $fd i32) (param $vectors i32) (param $count i32) (param i64) (param $written i32) (result i32)
    (if (i32.eq (local.get $fd) (global.get $JOURNAL))
      (then (return (call $append (local.get $vectors) (local.get $count) (local.get $written)))))
    (call $wasi_fd_pwrite (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4)))

  ;; Whether these bytes are inside the memory.
  (func $inside (param $at i32) (param $length i32) (result i32)
    (i64.le_u
      (i64.add (i64.extend_i32_u (local.get $at)) (i64.extend_i32_u (local.get $length)))
      (i64.shl (i64.extend_i32_u (memory.size)) (i64.const 16))))

  ;; fd_pwrite to the journal. The function of the host reads what the vectors name without a check of its own.
  (func $append (param $vectors i32) (param $count i32) (param $written i32) (result i32)
    (local $at i32) (local $end i32)
    (if (i32.gt_u (local.get $count) (global.get $MOST_VECTORS)) (then (local.set $count (global.get $MOST_VECTORS))))
    (local.set $end (i32.mul (local.get $count) (global.get $VECTOR)))
    (if (i32.eqz (i32.and
          (call $inside (local.get $vectors) (local.get $end))
          (call $inside (local.get $written) (i32.const 4))))
      (then (return (global.get $FAULT))))
    (local.set $at (local.get $vectors))
    (local.set $end (i32.add (local.get $vectors) (local.get $end)))
    (block $done (loop $next
      (br_if $done (i32.eq (local.get $at) (local.get $end)))
      (if (i32.eqz (call $inside (i32.load (local.get $at)) (i32.load offset=4 (local.get $at))))
        (then (return (global.get $FAULT))))
      (local.set $at (i32.add (local.get $at) (global.get $VECTOR)))
      (br $next)))
    (local.set $at (call $journal (local.get $vectors) (local.get $count) (call $thread)))
    (if (i32.lt_s (local.get $at) (i32.const 0)) (then (return (i32.sub (i32.const 0) (local.get $at)))))
    (i32.store (local.get $written) (local.get $at))
    (global.get $SUCCESS))

  (func (export "fd_renumber") (param $from i32) (param $to i32) (result i32)
    (local $error i32)
    (if (i32.or (call $is (local.get $from) (global.get $MOUNT)) (call $is (local.get $to) (global.get $MOUNT)))
      (then (return (global.get $BADF))))
    (local.set $error (call $wasi_fd_renumber (local.get $from) (local.get $to)))
    (if (i32.and (i32.eqz (local.get $error)) (i32.ne (local.get $from) (local.get $to)))
      (then
        (call $note (local.get $to) (call $known_of (local.get $from)))
        (call $note (local.get $from) (i32.const 0))))
    (local.get $error))

  (func (export "path_filestat_set_times")
    (param $fd i32) (param i32) (param $path i32) (param $length i32) (param i64 i64 i32) (result i32)
    (if (call $is (local.get $fd) (global.get $READ_ONLY))
      (then
        (return (call $refusal (local.get $fd) (local.get $path) (local.get $length) (global.get $ROFS)))))
    (call $wasi_path_filestat_set_times
      (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5) (local.get 6)))

  ;; Neither into a folder that is not writable, nor to a file in one: a link would be a writable name of it.
  (func (export "path_link")
    (param $fd i32) (param i32) (param $path i32) (param $length i32) (param $to i32) (param i32 i32) (result i32)
    (if (call $is (local.get $to) (global.get $READ_ONLY))
      (then
        (return (call $refusal (local.get $fd) (local.get $path) (local.get $length) (global.get $ROFS)))))
    (if (call $is (local.get $fd) (global.get $READ_ONLY))
      (then
        (return (call $refusal (local.get $fd) (local.get $path) (local.get $length) (global.get $XDEV)))))
    (call $wasi_path_link
      (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5) (local.get 6)))

  ;; No path leads out of the folder that it starts from, so what is opened belongs to the mount of that folder.
  (func (export "path_open")
    (param $fd i32) (param i32 i32 i32 i32 i64 i64 i32) (param $opened i32) (result i32)
    (local $error i32)
    (local.set $error
      (call $wasi_path_open
        (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4)
        (local.get 5) (local.get 6) (local.get 7) (local.get 8)))
    (if (i32.eqz (local.get $error))
      (then (call $note (i32.load (local.get $opened)) (call $is (local.get $fd) (global.get $READ_ONLY)))))
    (local.get $error)))
