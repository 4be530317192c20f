//! The engine's C interface, and all the `unsafe` of this program.
//!
//! `libchdb.so` is loaded when the program starts: 566 MB that are found, or not, with a clear error,
//! and no header or linker flags are needed to build. The library is never unloaded: its background
//! threads live as long as the process.

#![allow(unsafe_code)] // A C library is called here and nowhere else; each call states why it is sound.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr::NonNull;

use libloading::Library;

/// Why the engine's library cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// Missing, not a library, or of another architecture.
    #[error("cannot load the engine library {path}: {reason}")]
    Load { path: String, reason: String },
    /// A library, but not the one that is meant.
    #[error("{path} is not a usable engine library: it lacks the function {symbol}")]
    Symbol { path: String, symbol: &'static str },
}

/// `chdb_connection *`: what connect returns is a pointer to the handle the other functions take.
type Handle = *mut c_void;
type Pointers = *const *const c_char;

/// The functions used, copied out of the library (see the module's text on why they stay valid).
#[derive(Clone, Copy)]
pub(crate) struct Api {
    connect: unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut Handle,
    close: unsafe extern "C" fn(*mut Handle),
    #[allow(clippy::type_complexity)] // The C signature, once.
    query: unsafe extern "C" fn(
        Handle,
        *const c_char,
        usize,
        *const c_char,
        usize,
        Pointers,
        *const usize,
        Pointers,
        *const usize,
        usize,
    ) -> *mut c_void,
    result_buffer: unsafe extern "C" fn(*mut c_void) -> *const u8,
    result_length: unsafe extern "C" fn(*mut c_void) -> usize,
    result_error: unsafe extern "C" fn(*mut c_void) -> *const c_char,
    result_destroy: unsafe extern "C" fn(*mut c_void),
    insert: unsafe extern "C" fn(Handle, *const c_char, usize, *const c_char, usize) -> *mut c_void,
    insert_append: unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> c_int,
    insert_done: unsafe extern "C" fn(*mut c_void) -> *mut c_void,
    insert_error: unsafe extern "C" fn(*mut c_void) -> *const c_char,
    insert_cancel: unsafe extern "C" fn(*mut c_void),
    insert_destroy: unsafe extern "C" fn(*mut c_void),
    signal_handlers: unsafe extern "C" fn(c_int),
    shutdown: unsafe extern "C" fn() -> c_int,
}

impl Api {
    /// Loads the library and finds its functions. Leaves signal handling to this program.
    pub(crate) fn load(path: &Path) -> Result<Self, LoadError> {
        let name = path.display().to_string();
        if !path.is_file() {
            let reason = "no such file".to_owned();
            return Err(LoadError::Load { path: name, reason });
        }
        // SAFETY: running the library's initialisers is the purpose of this program; the path is
        // given by whoever starts it.
        let library = unsafe { Library::new(path) }
            .map_err(|error| LoadError::Load { path: name.clone(), reason: with_source(&error) })?;
        // Never unloaded, so that the function pointers below stay valid.
        let library: &'static Library = Box::leak(Box::new(library));
        macro_rules! symbol {
            ($symbol:literal) => {
                // SAFETY: the type of the field it is assigned to is the function's C signature.
                *unsafe { library.get($symbol) }
                    .map_err(|_| LoadError::Symbol { path: name.clone(), symbol: $symbol })?
            };
        }
        let api = Self {
            connect: symbol!("chdb_connect"),
            close: symbol!("chdb_close_conn"),
            query: symbol!("chdb_query_with_params_n"),
            result_buffer: symbol!("chdb_result_buffer"),
            result_length: symbol!("chdb_result_length"),
            result_error: symbol!("chdb_result_error"),
            result_destroy: symbol!("chdb_destroy_query_result"),
            insert: symbol!("chdb_stream_insert_n"),
            insert_append: symbol!("chdb_stream_append"),
            insert_done: symbol!("chdb_stream_done"),
            insert_error: symbol!("chdb_stream_insert_error"),
            insert_cancel: symbol!("chdb_stream_cancel_insert"),
            insert_destroy: symbol!("chdb_destroy_insert_stream"),
            signal_handlers: symbol!("chdb_set_signal_handlers_enabled"),
            shutdown: symbol!("chdb_shutdown"),
        };
        // SAFETY: may be called at any time; sets a flag.
        unsafe { (api.signal_handlers)(0) };
        Ok(api)
    }

    /// Opens a connection. The first one of a process starts the engine with these arguments.
    /// `None` if the engine refuses; it says why on standard error, if at all.
    pub(crate) fn connect(self, arguments: &[CString]) -> Option<Connection> {
        let mut argv: Vec<*mut c_char> = vec![c"clickhouse".as_ptr().cast_mut()];
        argv.extend(arguments.iter().map(|argument| argument.as_ptr().cast_mut()));
        let argc = c_int::try_from(argv.len()).ok()?;
        // SAFETY: argc pointers to strings that end with NUL and outlive the call, which copies them.
        let connection = NonNull::new(unsafe { (self.connect)(argc, argv.as_mut_ptr()) })?;
        Some(Connection { api: self, connection })
    }

    /// Stops the engine's threads. All connections must have been closed.
    pub(crate) fn shutdown(self) {
        // SAFETY: nothing is called after this; the result only tells whether a thread lingers.
        unsafe { (self.shutdown)() };
    }
}

/// One session of the engine: its settings, its current database. Stays on the thread that opened it.
pub(crate) struct Connection {
    api: Api,
    connection: NonNull<Handle>,
}

impl Connection {
    fn handle(&self) -> Handle {
        // SAFETY: points to the handle from connect until close, which only `drop` calls.
        unsafe { self.connection.as_ptr().read() }
    }

    /// Runs one statement; its result in the given format, or the engine's error text.
    /// Parameter values are in ClickHouse's escaped (tab-separated) form.
    pub(crate) fn query(
        &self,
        sql: &str,
        format: &str,
        parameters: &[(String, String)],
    ) -> Result<Vec<u8>, String> {
        let names: Vec<_> = parameters.iter().map(|(name, _)| name.as_ptr().cast()).collect();
        let name_lengths: Vec<_> = parameters.iter().map(|(name, _)| name.len()).collect();
        let values: Vec<_> = parameters.iter().map(|(_, value)| value.as_ptr().cast()).collect();
        let value_lengths: Vec<_> = parameters.iter().map(|(_, value)| value.len()).collect();
        // SAFETY: every pointer comes with its length and outlives the call; the engine copies.
        let result = unsafe {
            (self.api.query)(
                self.handle(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
                names.as_ptr(),
                name_lengths.as_ptr(),
                values.as_ptr(),
                value_lengths.as_ptr(),
                parameters.len(),
            )
        };
        take_result(self.api, result)
    }

    /// Starts an insert of formatted data; `sql` without its FORMAT clause.
    pub(crate) fn insert(&mut self, sql: &str, format: &str) -> Result<Insert<'_>, String> {
        // SAFETY: pointers with lengths that outlive the call; the stream is never null and is
        // destroyed by `Insert`'s drop, before this connection can be used again.
        let stream = unsafe {
            (self.api.insert)(
                self.handle(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
            )
        };
        let insert = Insert { api: self.api, stream, open: true, _connection: self };
        match insert.error() {
            Some(error) => Err(error),
            None => Ok(insert),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: opened by connect, closed once.
        unsafe { (self.api.close)(self.connection.as_ptr()) }
    }
}

/// An insert under way; dropped before [`Insert::finish`], it is cancelled.
pub(crate) struct Insert<'a> {
    api: Api,
    stream: *mut c_void,
    open: bool,
    _connection: &'a mut Connection,
}

impl Insert<'_> {
    fn error(&self) -> Option<String> {
        // SAFETY: the stream lives until drop; the text belongs to it and is copied here.
        unsafe { text((self.api.insert_error)(self.stream)) }
    }

    /// Hands over a piece of the data, cut anywhere. Blocks while the engine is behind.
    pub(crate) fn append(&mut self, data: &[u8]) -> Result<(), String> {
        // SAFETY: the engine copies the bytes before it returns.
        let state =
            unsafe { (self.api.insert_append)(self.stream, data.as_ptr().cast(), data.len()) };
        match state {
            0 => Ok(()),
            _ => Err(self.error().unwrap_or_else(|| "the engine refused the data".to_owned())),
        }
    }

    /// Ends the data; the rows are committed when this returns `Ok`.
    pub(crate) fn finish(mut self) -> Result<(), String> {
        self.open = false;
        // SAFETY: the stream is alive; the result is ours to destroy.
        let result = unsafe { (self.api.insert_done)(self.stream) };
        if let Some(error) = self.error() {
            drop(take_result(self.api, result));
            return Err(error);
        }
        take_result(self.api, result).map(drop)
    }
}

impl Drop for Insert<'_> {
    fn drop(&mut self) {
        // SAFETY: cancelled only while open, destroyed exactly once.
        unsafe {
            if self.open {
                (self.api.insert_cancel)(self.stream);
            }
            (self.api.insert_destroy)(self.stream);
        }
    }
}

/// Copies a result out of the engine and destroys it.
fn take_result(api: Api, result: *mut c_void) -> Result<Vec<u8>, String> {
    if result.is_null() {
        return Err("the engine gave no result".to_owned());
    }
    // SAFETY: the result is alive until destroyed at the end; buffer and length belong together.
    unsafe {
        let outcome = match text((api.result_error)(result)) {
            Some(error) => Err(error),
            None => {
                let (buffer, length) = ((api.result_buffer)(result), (api.result_length)(result));
                match buffer.is_null() || length == 0 {
                    true => Ok(Vec::new()),
                    false => Ok(std::slice::from_raw_parts(buffer, length).to_vec()),
                }
            }
        };
        (api.result_destroy)(result);
        outcome
    }
}

/// # Safety
/// Null, or a string that ends with NUL and lives during the call.
unsafe fn text(string: *const c_char) -> Option<String> {
    if string.is_null() {
        return None;
    }
    // SAFETY: as the caller promises.
    Some(unsafe { CStr::from_ptr(string) }.to_string_lossy().into_owned())
}

/// The loader's own words are the error's source.
fn with_source(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// Asks the kernel for `signal` when the parent ends. It is sent too when only the parent's *thread*
/// that started us ends, so the receiver has to look whether its parent is still the same.
pub(crate) fn signal_on_parents_end(signal: c_int) {
    // SAFETY: takes integers only and touches no memory of ours.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong) };
}

/// Closes every descriptor but the standard streams. Libraries of the parent may have left some open, such as
/// sockets that capture.
pub(crate) fn close_inherited() {
    // SAFETY: closes numbers; called before this program has opened a file or has a second thread.
    unsafe { libc::close_range(3, libc::c_uint::MAX, 0) };
}
