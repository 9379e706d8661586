//! What every chunk store must do, as checks that an adapter runs against itself.
