"""What differs between the engines that can hold a library."""
